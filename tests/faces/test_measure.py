"""Sharpness orders photographs by blur, whatever their size, contrast and light."""

import cv2
import numpy as np
import pytest

from likeness.faces import FaceAnalyzer
from likeness.faces.measure import eyes_open, mouth_open, pose, sharpness
from likeness.images import load_rgb


@pytest.fixture(scope="module")
def analyzer() -> FaceAnalyzer:
    return FaceAnalyzer()


@pytest.fixture
def portrait(analyzer, synthetic_people):
    rgb = load_rgb(synthetic_people / "sources/jade_01.jpg")
    return rgb, analyzer.faces(rgb)[0]


def test_the_blurred_extra_is_far_below_every_good_photo(analyzer, synthetic_people):
    names = ("targets/07_leila.jpg", "targets/06_ingrid.jpg", "others/kofi.jpg", "sources/jade_07.jpg")
    good = min(analyzer.faces(load_rgb(synthetic_people / name))[0].sharpness for name in names)
    assert analyzer.faces(load_rgb(synthetic_people / "extras/blurred.jpg"))[0].sharpness < 0.25 < 0.45 < good


def test_more_blur_is_less_sharp(portrait):
    rgb, face = portrait
    width = face.box_px[2]
    blurred = [cv2.GaussianBlur(rgb, (0, 0), share * width) for share in (0.01, 0.02, 0.03, 0.05)]
    values = [sharpness(picture, face.points5) for picture in (rgb, *blurred)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.45 > 0.40 > values[2]


def test_contrast_and_light_from_one_side_hardly_matter(portrait):
    rgb, face = portrait
    plain = sharpness(rgb, face.points5)
    dull = (rgb * 0.4 + 70).astype(np.uint8)
    ramp = np.linspace(1.0, 0.2, rgb.shape[1])[None, :, None]
    assert sharpness(dull, face.points5) == pytest.approx(plain, abs=0.08)
    assert sharpness((rgb * ramp).astype(np.uint8), face.points5) == pytest.approx(plain, abs=0.08)


def test_an_enlarged_photo_is_as_sharp_as_its_original(portrait):
    rgb, face = portrait
    large = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert sharpness(large, face.points5 * 2) == pytest.approx(sharpness(rgb, face.points5), abs=0.03)


def test_a_flat_picture_has_no_sharpness(portrait):
    _, face = portrait
    assert sharpness(np.full((1280, 1024, 3), 90, np.uint8), face.points5) == 0.0


def test_degenerate_landmarks_give_numbers():
    nothing = np.zeros((468, 3), np.float32)
    assert all(np.isfinite(value) for value in (*pose(nothing), mouth_open(nothing), eyes_open(nothing)))
