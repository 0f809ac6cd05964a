"""Warping puts the points where the template has them, at any scale, without aliasing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.faces.crop import FACE_TEMPLATE, face_square, scale_of, similarity_transform, warp


@pytest.mark.parametrize(("scale", "turn_deg"), [(0.1, 20), (0.7, -35), (1.0, 0), (3.0, 90)])
def test_a_similarity_is_found_again(scale, turn_deg):
    angle = np.radians(turn_deg)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity_transform(FACE_TEMPLATE, (FACE_TEMPLATE @ turn.T + [30, -7]).astype(np.float32))
    np.testing.assert_allclose(matrix, np.column_stack([turn, [30, -7]]), atol=1e-4)
    assert scale_of(matrix) == pytest.approx(scale, rel=1e-5)


@pytest.mark.parametrize("scale", [0.11, 0.3, 0.83, 1.0, 2.5])
def test_a_straight_edge_stays_where_it_belongs(scale):
    """A dark half and a light half: the grey value says where the edge went, to a fraction of a pixel."""
    rgb = np.zeros((600, 800, 3), np.uint8)
    rgb[:, 400:] = 200  # the edge lies between the pixel centres 399 and 400
    side = 40
    matrix = np.array([[scale, 0.0, side / 2 - scale * 399.5], [0.0, scale, side / 2 - scale * 300]])
    row = warp(rgb, matrix, side)[side // 2, :, 0].astype(float)
    light = (
        np.minimum(row, 200).sum() / 200
    )  # pixels' worth of light, centred at 20: columns 20.5 - 40 and half of number 20
    assert light == pytest.approx(side - (side / 2 + 0.5), abs=0.15)


def test_fine_stripes_become_grey_when_shrunk():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 200
    small = warp(stripes, np.array([[0.13, 0.0, 0.0], [0.0, 0.13, 0.0]]), 60)
    inner = small[5:55, 5:55].astype(float)
    assert abs(inner.mean() - 100) < 2
    assert inner.std() < 12


@pytest.mark.parametrize("shift", [-5000.0, 5000.0])
def test_a_place_outside_the_photo_is_black(shift):
    rgb = np.full((50, 60, 3), 255, np.uint8)
    assert warp(rgb, np.array([[1.0, 0.0, shift], [0.0, 1.0, 0.0]]), 32).max() == 0


@given(
    st.tuples(st.integers(40, 400), st.integers(40, 400)),
    st.tuples(*[st.floats(-50, 450, allow_nan=False)] * 2, *[st.floats(5, 300)] * 2),
    st.floats(0.1, 1),
)
def test_a_square_around_a_face_lies_in_the_image_and_is_no_larger_than_wanted(size, face, fraction):
    left, top, right, bottom = face_square(size, face, fraction)
    assert left >= 0
    assert top >= 0
    # Not by a rounding more: Pillow refuses.
    assert right <= size[0]
    assert bottom <= size[1]
    assert right - left == pytest.approx(bottom - top)
    assert right - left == pytest.approx(min(face[3] / fraction, *size))
