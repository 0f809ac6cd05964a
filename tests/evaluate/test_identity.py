"""Similarity of sets of faces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.evaluate.identity import FaceEmbedding, against, bin_index, bins


def seen(name: str, angle_deg: float, yaw_deg: float = 0.0) -> FaceEmbedding:
    """A face whose cosine to another is the cosine of the angle between them."""
    angle = np.deg2rad(angle_deg)
    return FaceEmbedding(
        id=name, embedding=np.array([np.cos(angle), np.sin(angle)], np.float32), yaw_deg=yaw_deg
    )


def test_a_face_scores_its_mean_cosine_to_all_references():
    scores = against([seen("a", 0), seen("b", 90)], [seen("x", 0)], images=1)
    assert scores.by_image == {"x": 0.5}
    assert scores.mean == 0.5


def test_a_reference_is_not_compared_with_itself():
    references = [seen("a", 0), seen("b", 60)]
    scores = against(references, references, images=2)
    assert scores.by_image == {"a": 0.5, "b": 0.5}
    alone = against(references[:1], references[:1], images=1)
    assert alone.mean is None
    assert alone.faces == 1


def test_no_face_is_none_and_not_zero():
    scores = against([seen("a", 0)], [], images=8)
    assert scores.mean is None
    assert scores.face_share == 0.0


def test_a_face_in_some_of_the_images_is_a_share():
    faces = [seen("front", 0, 3), seen("left", 60, -20), seen("right", 60, 15), seen("far", 90, 80)]
    scores = against([seen("a", 0)], faces, images=5)
    assert scores.by_image == {"front": 1.0, "left": 0.5, "right": 0.5, "far": pytest.approx(0.0, abs=1e-4)}
    assert scores.face_share == 0.8


@given(st.floats(-180, 180), st.lists(st.integers(1, 89), max_size=4, unique=True).map(sorted))
def test_every_angle_has_one_bin_on_either_side(yaw_deg, edges):
    assert 0 <= bin_index(yaw_deg, edges) < len(bins(edges, 90.0))
    assert bin_index(yaw_deg, edges) == bin_index(-yaw_deg, edges)
