"""How a swap looks where it meets the target: the shipped swapper passes, what people see as a mask does not."""

import cv2
import numpy as np
import pytest
from swap_portraits import config, local_swapper, portrait_of

from likeness.errors import InputError
from likeness.images import RGB, to_lab
from likeness.swap import Portrait, QualityLimits, colour, regions
from likeness.swap.quality import judge_quality, quality, refuse_second_mouth

SOURCE, GLOSSY, FAIR = "sources/jade_01.jpg", "others/ravi.jpg", "targets/05_maeve.jpg"
LIMITS = config().quality


def inner(name: str, share: float = 0.85) -> np.ndarray:
    """The inside of a target's face."""
    target = portrait_of(name)
    points = target.face.landmarks[list(regions.mesh.FACE_OVAL), :2].astype(float)
    return regions.hull(points, target.rgb.shape[:2], share)


def changed(name: str, change, soft_px: float = 0.0) -> RGB:
    """The target with its inner face changed, RGB 0..255 in floats."""
    target, where = portrait_of(name), inner(name).astype(np.float32)
    if soft_px:
        where = cv2.GaussianBlur(where, (0, 0), soft_px)
    rgb = target.rgb.astype(np.float32)
    out = change(rgb) * where[..., None] + rgb * (1 - where[..., None])
    return np.clip(out, 0, 255).astype(np.uint8)


def refusal(name: str, rgb: RGB) -> str:
    with pytest.raises(InputError) as caught:
        judge_quality(quality(rgb, portrait_of(name)), LIMITS)
    assert caught.value.kind == "refused"
    assert "swap.quality." in (caught.value.remedy or "")
    return caught.value.reason


def test_the_target_itself_has_no_flaw():
    target = portrait_of(FAIR)
    assert quality(target.rgb, target) == {"seam": 0.0, "tone": 0.0, "matte": 0.0}


@pytest.mark.parametrize("name", [FAIR, GLOSSY, "others/amara.jpg", "targets/02_clara.jpg"])
def test_the_shipped_swapper_keeps_its_own_limits(name):
    judge_quality(
        quality(local_swapper().swap(portrait_of(SOURCE), portrait_of(name)).rgb, portrait_of(name)), LIMITS
    )


def test_a_hard_edge_is_refused_and_the_same_change_with_a_soft_one_is_not():
    def darker(rgb):
        return rgb * 0.8

    assert refusal(FAIR, changed(FAIR, darker)) == "swap-seam"
    soft = quality(changed(FAIR, darker, soft_px=12), portrait_of(FAIR))
    assert soft["seam"] < LIMITS.max_seam


def test_another_colour_at_the_edge_is_refused():
    assert refusal(FAIR, changed(FAIR, lambda rgb: rgb * [1.0, 0.86, 0.75], soft_px=8)) == "swap-tone"


def test_a_matte_face_on_a_glossy_one_is_refused():
    target = portrait_of("others/kofi.jpg")
    lab, where = to_lab(target.rgb), inner("others/kofi.jpg", 1.0)
    flat = lab.copy()
    flat[..., 0] = np.where(where, np.minimum(lab[..., 0], np.median(lab[where][:, 0])), lab[..., 0])
    rgb = (colour.to_rgb(flat) * 255).astype(np.uint8)
    measured = quality(rgb, target)
    assert measured["matte"] > LIMITS.max_matte
    only = QualityLimits(max_seam=None, max_tone=None, max_matte=LIMITS.max_matte)
    with pytest.raises(InputError, match="shines less") as caught:
        judge_quality(measured, only)
    assert caught.value.reason == "swap-matte"


def test_what_is_not_asked_is_not_refused():
    nothing = QualityLimits(max_seam=None, max_tone=None, max_matte=None)
    judge_quality({"seam": 99.0, "tone": 99.0, "matte": 99.0}, nothing)


def test_shine_of_the_target_is_kept(monkeypatch):
    target = portrait_of(GLOSSY)
    kept = quality(local_swapper().swap(portrait_of(SOURCE), target).rgb, target)["matte"]
    monkeypatch.setattr(colour, "SHINE_KEPT", 0.0)
    without = quality(local_swapper().swap(portrait_of(SOURCE), target).rgb, target)["matte"]
    assert kept < 0.9 * without


def test_the_targets_brows_do_not_show_through(monkeypatch):
    # jade_02 is turned: where its far temple was not seen, the target shows.
    source, target = portrait_of("sources/jade_02.jpg"), portrait_of("targets/05_maeve.jpg")
    points = target.face.landmarks[:, :2].astype(float)
    brows = np.zeros(target.rgb.shape[:2], bool)
    for brow in (regions.mesh.LEFT_BROW, regions.mesh.RIGHT_BROW):
        brows |= regions.hull(points[list(brow)], brows.shape)

    def darkest() -> float:
        light = to_lab(local_swapper().swap(source, target).rgb)[..., 0]
        return float(np.percentile(light[brows], 25))

    mended = darkest()
    monkeypatch.setattr(
        "likeness.swap.local_drawing._without_features",
        lambda warped, inside: (warped.target / 255).astype(np.float32),
    )
    assert mended > darkest()


def with_second_mouth(across: float, down: float, *, upside_down: bool = False) -> tuple[RGB, Portrait]:
    """A swap on FAIR whose mouth stands once more on its face, this many face widths away, and its target."""
    target = portrait_of(FAIR)
    rgb = local_swapper().swap(portrait_of(SOURCE), target).rgb.copy()
    points = target.face.landmarks[:, :2].astype(float)
    lips = points[list(regions.mesh.LIPS_OUTER)]
    (left, top), (right, bottom) = (lips.min(0) - 4).astype(int), (lips.max(0) + 4).astype(int)
    mouth = rgb[top:bottom, left:right].copy()
    width = float(np.linalg.norm(points[regions.mesh.SIDES[1]] - points[regions.mesh.SIDES[0]]))
    x, y = round(left + across * width), round(top + down * width)
    rgb[y : y + bottom - top, x : x + right - left] = mouth[::-1, ::-1] if upside_down else mouth
    return rgb, target


@pytest.mark.parametrize(("across", "down"), [(0.0, -0.75), (0.0, 0.22), (-0.27, -0.22)])
@pytest.mark.parametrize("upside_down", [False, True])
def test_a_second_mouth_on_the_face_is_refused(across: float, down: float, upside_down: bool) -> None:
    rgb, target = with_second_mouth(across, down, upside_down=upside_down)
    with pytest.raises(InputError) as caught:
        refuse_second_mouth(rgb, target.face, target)
    assert (caught.value.reason, caught.value.kind) == ("swap-two-mouths", "refused")


@pytest.mark.parametrize("name", [FAIR, "targets/10_priya.jpg"])
def test_one_mouth_is_not_taken_for_two(name: str) -> None:
    target = portrait_of(name)
    swapped = local_swapper().swap(portrait_of(SOURCE), target).rgb
    for soft_px in (0, 2):
        rgb = cv2.GaussianBlur(swapped, (0, 0), soft_px) if soft_px else swapped
        refuse_second_mouth(rgb, target.face, target)
