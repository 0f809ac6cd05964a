"""Photographs that stand on their heads, lie on their sides or are negatives, with the real models."""

from pathlib import Path

import numpy as np
import pytest
from ingest_fakes import FakeConsent, candidate, ingest_config, measured_face
from PIL import Image, ImageOps

from likeness.faces import FaceAnalyzer
from likeness.faces.measure import light
from likeness.faces.stance import Stance
from likeness.images import RGB
from likeness.ingest.checks import refusal_of
from likeness.ingest.upright import make_upright

pytestmark = pytest.mark.slow
PHOTOS = Path(__file__).parents[1] / "photos"
CFG = ingest_config()
# Light and dark skin, near and far, turned left and right; upside down the detector finds the face of the third not at all.
NAMES = ("sources/jade_01.jpg", "targets/06_ingrid.jpg", "others/amara.jpg", "others/kofi.jpg")


@pytest.fixture(scope="module")
def analyzer() -> FaceAnalyzer:
    return FaceAnalyzer()


def photo(name: str) -> RGB:
    with Image.open(PHOTOS / name) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((640, 640))
    return np.array(upright)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_photograph_is_turned_as_its_face_stands_and_that_is_said(analyzer, name: str, turns: int) -> None:
    right = photo(name)
    stored = np.ascontiguousarray(np.rot90(right, -turns))
    found = make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer)
    assert np.array_equal(found.rgb, right)
    assert found.fault is None
    assert len(found.faces) == 1
    assert len(found.notes) == (turns != 0)


@pytest.mark.parametrize("name", ["sources/jade_01.jpg", "sources/jade_02.jpg", "others/kofi.jpg"])
@pytest.mark.parametrize("degrees", [135, 225])
def test_a_face_on_its_head_and_aslant_does_not_pass_for_an_upright_one(
    analyzer, name: str, degrees: int
) -> None:
    slanting = Image.fromarray(photo(name)).rotate(degrees, expand=True, fillcolor=(120, 120, 120))
    stored = np.asarray(slanting)
    found = make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer)
    if found.faces and found.fault is None:  # else it is refused: no-face, or not-upright
        assert not np.array_equal(found.rgb, stored)
        assert abs(found.faces[0].roll_deg) <= 60
        assert [stance.turns for stance in analyzer.stances(found.rgb, found.faces)] == [0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("turns", [0, 2])
def test_a_negative_is_told_whichever_way_it_stands(analyzer, name: str, turns: int) -> None:
    stored = np.ascontiguousarray(255 - np.rot90(photo(name), turns))
    assert make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer).fault == "negative"


def test_faces_that_stand_different_ways_turn_nothing(analyzer) -> None:
    one = photo("targets/05_maeve.jpg")
    both = np.concatenate([one, np.rot90(one, 2)], axis=1)
    found = make_upright(both, analyzer.faces(both), analyzer.faces, analyzer)
    assert found.fault == "faces-disagree"
    assert np.array_equal(found.rgb, both)


def beside(large: RGB, small: RGB, side_px: int) -> RGB:
    """A small picture in the corner of a large one."""
    both = Image.fromarray(large.copy())
    inner = Image.fromarray(small)
    inner.thumbnail((side_px, side_px))
    both.paste(inner, (both.width - inner.width, 0))
    return np.array(both)


@pytest.mark.parametrize("turns", [1, 2])
def test_a_large_face_that_is_found_in_the_turned_photograph_alone_is_no_background(
    analyzer, turns: int
) -> None:
    hidden = np.ascontiguousarray(np.rot90(photo("others/amara.jpg"), turns))
    stored = beside(hidden, photo("targets/06_ingrid.jpg"), 260)
    assert len(analyzer.faces(stored)) == 1  # the small one, which stands upright
    assert make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer).fault == "faces-disagree"


def test_small_people_who_stand_upright_keep_a_photograph_from_being_turned(analyzer) -> None:
    on_its_head = np.ascontiguousarray(np.rot90(photo("sources/jade_02.jpg"), 2))
    stored = beside(on_its_head, photo("targets/06_ingrid.jpg"), 280)
    found = make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer)
    assert found.fault == "faces-disagree"
    assert np.array_equal(found.rgb, stored)


@pytest.mark.parametrize("name", NAMES)
def test_a_small_upright_face_behind_an_upright_one_is_background(analyzer, name: str) -> None:
    stored = beside(photo(name), photo("sources/jade_01.jpg"), 150)
    assert make_upright(stored, analyzer.faces(stored), analyzer.faces, analyzer).fault is None


def test_where_nothing_can_be_told_nothing_is_turned(analyzer) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    found = make_upright(noise, analyzer.faces(noise), analyzer.faces, analyzer)
    assert (found.fault, found.notes) == (None, ())
    assert found.rgb is noise


class Says:
    """Stances as they are told, one call after another."""

    def __init__(self, *stances: list[Stance | None]) -> None:
        self.left = list(stances)

    def stances(self, rgb, faces) -> list[Stance | None]:
        return self.left.pop(0)

    def search(self, rgb) -> None:
        return None

    def stands_otherwise(self, rgb, faces) -> bool:
        return False


def test_a_face_that_turning_does_not_help_is_refused(analyzer) -> None:
    face = analyzer.faces(photo("targets/06_ingrid.jpg"))
    found = make_upright(
        np.zeros((9, 9, 3), np.uint8), face, lambda _: face, Says([Stance(2, False)], [Stance(1, False)])
    )
    assert found.fault == "not-upright"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rgb: rgb, None),
        (lambda rgb: rgb // 16, "too-dark"),
        (lambda rgb: 255 - (255 - rgb) // 32, "too-bright"),
        (lambda rgb: np.minimum(rgb.astype(int) * 8, 255).astype(np.uint8), "too-bright"),
    ],
)
def test_a_face_nearly_black_or_nearly_white_is_refused_with_the_limit(analyzer, change, reason) -> None:
    right = photo("targets/06_ingrid.jpg")
    percentiles = light(change(right), analyzer.faces(right)[0].points5)
    refusal = refusal_of(candidate(faces=(measured_face(light=percentiles),)), CFG, FakeConsent())
    assert (refusal and refusal.reason) == reason
    assert refusal is None or "face_light" in refusal.detail


@pytest.mark.parametrize("fault", ["negative", "faces-disagree", "not-upright"])
def test_each_fault_of_stance_is_a_refusal(fault: str) -> None:
    refusal = refusal_of(candidate(fault=fault), CFG, FakeConsent())
    assert refusal is not None
    assert refusal.reason == fault


@pytest.mark.parametrize(
    ("luma", "reason"),
    [((0, 5, 12), "too-dark"), ((240, 250, 255), "too-bright"), ((200, 255, 255), "no-face")],
)
def test_without_a_face_the_whole_picture_says_why(luma, reason: str) -> None:
    refusal = refusal_of(candidate(faces=(), luma=luma), CFG, FakeConsent())
    assert refusal is not None
    assert refusal.reason == reason


def test_a_panorama_is_not_too_small_but_scaled_down_by_us() -> None:
    small = measured_face(box_px=(0, 0, 40.0, 50.0))
    refusal = refusal_of(
        candidate(width=3072, height=358, stored_px=(12000, 1400), faces=(small,)), CFG, FakeConsent()
    )
    assert refusal is not None
    assert refusal.reason == "too-small"
    assert "12000x1400" in refusal.detail
    assert "max_side_px" in refusal.remedy
