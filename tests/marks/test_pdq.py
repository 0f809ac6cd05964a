"""PDQ against Meta's program: the hashes were computed by pdqhash 0.2.8, which wraps it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from likeness.images import RGB, decode_rgb
from likeness.marks.pdq import NEAR, SAME_PICTURE_BITS, distance, pdq

PHOTOS = Path(__file__).parents[1] / "photos" / "sources"


def pattern(height: int, width: int) -> RGB:
    y, x = np.mgrid[:height, :width]
    return np.stack([(x * 7 + y * 3) % 256, (x * y) % 251, (x * x + 5 * y) % 256], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "theirs"),
    [
        ((90, 200), "02be09bf07b846f537f847def7c037fd76f9f7d137c8fe71a2c06480a8400200"),
        ((64, 64), "919933136633ce730c6338e371c7e3c707872f066a0ed63ec07c03d43fa8ff50"),
        ((30, 50), "4925b24d2709cc9b9aaa35526a55c4a53b6dd6c9a999963338e3478e3c3e63ec"),
    ],
    ids=["blurred", "of the size it is looked at", "smaller"],
)
def test_a_hash_is_that_of_metas_program(size: tuple[int, int], theirs: str) -> None:
    assert distance(pdq(pattern(*size)), [theirs]) <= 2  # a sum may round otherwise on another processor


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("jade_01", "a266df6399a611866719e499d5e68e71946679a6699ac4b9a799565a2c655554"),
        ("jade_02", "e683b5e19e734a63610c7938acf7f43412b398d3dc983b0d3b4d8d6dc6b44252"),
        ("jade_03", "936a25233c1a19f8d9a6fc9776e517afc10e4c585ce8d10ec31eb6213c69897e"),
    ],
)
def test_so_is_a_photographs(name: str, theirs: str) -> None:
    photo = decode_rgb((PHOTOS / f"{name}.jpg").read_bytes(), name=name)
    assert distance(pdq(photo), [theirs]) <= 2


def test_a_picture_stays_near_itself_and_far_from_others() -> None:
    one, other = (
        decode_rgb((PHOTOS / f"jade_0{number}.jpg").read_bytes(), name="a photo") for number in (1, 2)
    )
    half = np.asarray(cv2.resize(one, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    assert distance(pdq(half), [pdq(one)]) <= SAME_PICTURE_BITS
    assert distance(pdq(other), [pdq(one)]) > NEAR
    assert distance(pdq(one), []) == 256
