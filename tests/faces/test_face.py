"""A face survives its file, and similarity is a cosine."""

import json
from dataclasses import replace

import numpy as np
import pytest

from likeness.faces import Face, from_json, similarity, to_json
from likeness.faces.landmarks import outline_px


@pytest.fixture
def face() -> Face:
    rng = np.random.default_rng(0)
    vector = rng.normal(size=128)
    return Face(
        box_px=(10.123456, 20.5, 100.0, 130.0),
        score=0.91234567,
        points5=rng.uniform(0, 999, (5, 2)).astype(np.float32),
        landmarks=rng.uniform(-99, 999, (468, 3)).astype(np.float32),
        landmark_score=0.87,
        embedding=(vector / np.linalg.norm(vector)).astype(np.float32),
        yaw_deg=-12.3456,
        pitch_deg=4.0,
        roll_deg=0.5,
        sharpness=0.51239,
        mouth_open=0.1,
        eyes_open=0.3,
    )


def test_a_face_comes_back_from_json_within_the_rounding(face):
    back = from_json(json.loads(json.dumps(to_json(face))))
    np.testing.assert_allclose(back.landmarks, face.landmarks, atol=0.006)
    np.testing.assert_allclose(back.points5, face.points5, atol=0.006)
    np.testing.assert_allclose(back.embedding, face.embedding, atol=1e-6)
    assert back.box_px == pytest.approx(face.box_px, abs=0.006)
    assert (back.yaw_deg, back.landmark_score, back.sharpness) == (-12.35, 0.87, 0.5124)


def test_reading_and_writing_again_changes_nothing(face):
    once = to_json(face)
    assert to_json(from_json(once)) == once


@pytest.mark.parametrize("field", ["landmarks", "embedding", "points5"])
def test_an_array_of_the_wrong_length_is_refused(face, field):
    data = to_json(face)
    data[field] = data[field][:-1]
    with pytest.raises(ValueError, match="reshape"):
        from_json(data)


def test_similarity_is_the_cosine_of_vectors_of_any_length():
    a, b = np.array([3.0, 0, 0], np.float32), np.array([1.0, 1.0, 0], np.float32)
    assert similarity(a, a) == pytest.approx(1)
    assert similarity(a, -a) == pytest.approx(-1)
    assert similarity(a, b) == pytest.approx(2**-0.5)
    assert similarity(a, np.zeros(3, np.float32)) == 0


def test_what_was_not_measured_is_like_nobody_and_unlike_nobody():
    """Gates refuse a NaN: as 0 it would pass for somebody else than the target."""
    a, nan = np.array([3.0, 0, 0], np.float32), np.full(3, np.nan, np.float32)
    assert np.isnan(similarity(a, nan))
    with pytest.raises(ValueError, match="not aligned"):
        similarity(a, np.empty(0, np.float32))


def test_the_outline_starts_at_the_forehead_and_is_unknown_where_the_mesh_is_unsure(face):
    outline = outline_px(face)
    assert len(outline) == 36
    assert outline[0] == pytest.approx(face.landmarks[10, :2], abs=0.006)  # landmark 10: top of the forehead
    assert outline[18] == pytest.approx(face.landmarks[152, :2], abs=0.006)  # and 152: the chin
    assert outline_px(replace(face, landmark_score=0.4)) is None
