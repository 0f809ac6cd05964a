"""The crop: face whole, never stretched, near enough, in known sizes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from likeness.pipeline.manifest import FaceEntry
from likeness.resize import ResizeConfig
from likeness.resize.crop import bucket, buckets, head_box, is_inside, move_face, own_pixels, plan_cut

SQUARE = ResizeConfig(
    side_px=1024,
    step_px=64,
    max_aspect=1,
    face_fraction_min=0.18,
    max_upscale=1.5,
    headroom=0.5,
    max_failure_ratio=0.2,
)
BUCKETS = SQUARE.model_copy(update={"max_aspect": 2.0})


def face(*box: float) -> FaceEntry:
    return FaceEntry(box_px=box, score=0.9, yaw_deg=0, pitch_deg=0, sharpness=1, age_years=None)


@settings(max_examples=300)
@given(
    width=st.integers(200, 6000),
    height=st.integers(200, 6000),
    cx=st.floats(0.05, 0.95),
    cy=st.floats(0.05, 0.95),
    share=st.floats(0.03, 0.6),
    cfg=st.sampled_from([SQUARE, BUCKETS]),
)
def test_the_cut_lies_in_the_image_keeps_the_aspect_and_the_face(width, height, cx, cy, share, cfg):
    face_height = share * min(width, height)
    box = (cx * width - 0.4 * face_height, cy * height - face_height / 2, 0.8 * face_height, face_height)
    cut = plan_cut((width, height), box, cfg)
    left, top, right, bottom = cut.box_px
    assert left >= 0
    assert top >= 0
    assert right <= width + 1e-6
    assert bottom <= height + 1e-6
    assert (right - left) / (bottom - top) == pytest.approx(cut.size_px[0] / cut.size_px[1])
    own = own_pixels(cut)
    assert own.scale <= 1 + 1e-9, "nothing is enlarged"
    assert own.box_px[2] <= width + 1e-6
    assert own.box_px[3] <= height + 1e-6
    assert own.size_px[0] <= 2 * cut.size_px[0] + 1
    if own.size_px != (2 * cut.size_px[0], 2 * cut.size_px[1]):
        assert own.scale == 1.0
        assert all(value == int(value) for value in own.box_px), "nothing is resampled"
    head = head_box((width, height), box, cfg.headroom)
    if head[2] - head[0] <= right - left:
        assert left <= head[0] + 1e-6
        assert right >= head[2] - 1e-6
    if head[3] - head[1] <= bottom - top:
        assert top <= head[1] + 1e-6
        assert bottom >= head[3] - 1e-6


def test_a_portrait_gets_the_largest_square():
    cut = plan_cut((1024, 1280), (367, 397, 291, 385), SQUARE)
    assert cut.box_px[0] == 0
    assert cut.box_px[2] == 1024
    assert cut.scale == 1.0


def test_a_small_face_is_zoomed_in_on_up_to_the_upscale_limit():
    near = plan_cut((4000, 5000), (1900, 700, 300, 400), SQUARE)
    assert 400 / (near.box_px[3] - near.box_px[1]) == pytest.approx(0.18)
    limited = plan_cut((896, 1152), (412, 140, 68, 88), SQUARE)
    assert limited.scale == pytest.approx(1.5)


def test_a_photo_smaller_than_the_crop_is_enlarged_whole():
    cut = plan_cut((400, 500), (100, 100, 150, 200), SQUARE)
    assert cut.box_px[2] - cut.box_px[0] == 400
    assert cut.size_px == (1024, 1024)


def test_buckets_have_nearly_one_area_and_both_orientations():
    sizes = buckets(BUCKETS)
    assert (1024, 1024) in sizes
    assert {(h, w) for w, h in sizes} == set(sizes)
    assert all(w % 64 == h % 64 == 0 for w, h in sizes)
    assert all(0.88 * 1024**2 <= w * h <= 1024**2 for w, h in sizes)
    assert buckets(SQUARE) == [(1024, 1024)]


@pytest.mark.parametrize(("aspect", "size"), [(1.0, (1024, 1024)), (0.68, (832, 1216)), (5.0, (1408, 704))])
def test_the_nearest_bucket_is_taken(aspect, size):
    assert bucket(aspect, BUCKETS) == size


@given(aspect=st.floats(0.5, 2.0))
def test_a_bucket_costs_little_of_the_picture(aspect):
    width, height = bucket(aspect, BUCKETS)
    assert abs(math.log(aspect * height / width)) < math.log(1.16)


def test_boxes_move_with_the_crop_and_faces_outside_are_known():
    cut = plan_cut((2000, 1000), (1500, 300, 200, 250), SQUARE)
    inside = move_face(face(1500, 300, 200, 250), cut)
    assert inside.box_px[0] == pytest.approx((1500 - cut.box_px[0]) * 1.024, abs=0.01)
    assert inside.box_px[3] == pytest.approx(256, abs=0.01)
    assert is_inside(face(1500, 300, 200, 250), cut)
    assert not is_inside(face(0, 300, 200, 250), cut)


def test_a_side_that_is_no_multiple_of_the_step_is_refused():
    with pytest.raises(ValidationError, match="multiple of step_px"):
        ResizeConfig(**{**SQUARE.model_dump(), "side_px": 1000})
