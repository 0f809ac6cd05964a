"""A stranger who lies on her side or stands on her head in a picture is somebody, too: detectors find upright faces."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness.errors import InputError
from likeness.images import load_rgb
from likeness.safety.consent.load import read_consent
from likeness.safety.pictures import PictureGate, refuse_picture

ROOT = Path(__file__).parents[2]
JADE, TARGETS = ROOT / "tests/photos/sources", ROOT / "tests/photos/targets"
SIDE_PX = 512


@pytest.fixture(scope="module")
def gate() -> PictureGate:
    return PictureGate()


@cache
def photograph(folder: Path, number: int, side_px: int) -> np.ndarray:
    """The square around the face of a photograph."""
    rgb = load_rgb(sorted(folder.iterdir())[number])
    (x, y, width, height), *_ = (face.box_px for _, face in PictureGate()._counting(rgb, embed=False))
    half, middle = max(width, height), (x + width / 2, y + height / 2)
    box = tuple(int(value) for value in (*(one - half for one in middle), *(one + half for one in middle)))
    return np.asarray(Image.fromarray(rgb).crop(box).resize((side_px, side_px), Image.Resampling.LANCZOS))


def with_a_stranger(turns: int, share: float = 0.15) -> np.ndarray:
    """Jade, and in a corner a stranger turned by quarter turns, her face of that share of the picture's side."""
    picture = photograph(JADE, 0, SIDE_PX).copy()
    side = int(2 * share * SIDE_PX)
    picture[:side, :side] = np.rot90(photograph(TARGETS, 0, side), turns)
    return picture


def refusal(gate: PictureGate, rgb: np.ndarray, door: str) -> str | None:
    try:
        refuse_picture(door, gate.measure(rgb), read_consent(ROOT / "consent", "jade"), what="it")
    except InputError as error:
        return error.reason
    return None


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_stranger_beside_her_is_found_however_she_lies(gate, turns):
    assert refusal(gate, with_a_stranger(turns), "training image") in ("unknown-face", "apparent-minor")


def beside_her(stranger: np.ndarray, left: int, top: int, share: float = 0.15) -> np.ndarray:
    """Jade, and this square of somebody with its corner there."""
    side = int(2 * share * SIDE_PX)
    picture = photograph(JADE, 0, SIDE_PX).copy()
    small = Image.fromarray(stranger).resize((side, side), Image.Resampling.LANCZOS)
    picture[top : top + side, left : left + side] = np.asarray(small)
    return picture


@pytest.mark.parametrize("number", range(6))
def test_a_stranger_in_negative_is_found(gate, number):
    picture = beside_her(255 - photograph(TARGETS, number, SIDE_PX), 0, 0)
    assert refusal(gate, picture, "training image") in ("unknown-face", "apparent-minor")


@pytest.mark.parametrize("degrees", [-60, 60, 110, 120, 150])
@pytest.mark.parametrize("number", [0, 5])
def test_a_stranger_who_leans_far_is_found(gate, number, degrees):
    leaning = Image.fromarray(photograph(TARGETS, number, SIDE_PX)).rotate(
        degrees, Image.Resampling.BICUBIC, fillcolor=(120, 120, 120)
    )
    picture = beside_her(np.asarray(leaning), 0, 0, share=0.166)
    assert refusal(gate, picture, "training image") in ("unknown-face", "apparent-minor")


def test_a_stranger_who_lies_on_her_face_is_found(gate):
    """Not taken for the upright face around it."""
    picture = beside_her(np.rot90(photograph(TARGETS, 0, SIDE_PX)), 180, 180, share=0.14)
    assert refusal(gate, picture, "training image") in ("unknown-face", "apparent-minor")


@pytest.mark.parametrize("number", range(4))
def test_she_alone_is_nobody_else_turned_or_in_negative(gate, number):
    assert refusal(gate, photograph(JADE, number, SIDE_PX), "training image") is None


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_of_a_drawn_picture_that_lies_the_age_is_judged(gate, turns):
    picture = np.ascontiguousarray(np.rot90(photograph(TARGETS, 0, SIDE_PX), turns))
    assert any(face.age_years > 18 and not face.small for face in gate.ages(picture))


def test_of_a_drawn_picture_the_age_of_who_lies_is_judged(gate):
    upright, lying = photograph(JADE, 0, SIDE_PX), with_a_stranger(1)
    assert len(gate.ages(upright)) == 1
    assert len(gate.ages(lying)) == 2
