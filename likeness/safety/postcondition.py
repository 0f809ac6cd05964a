"""The conditions on a swap: the persona's face, no longer the target's, in the target's picture, nothing explicit.

Other tools return the unswapped third person as a success; here that is a refusal. Measuring and judging are
apart, so that another threshold, or a persona's face from one photo more, measures nothing again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness.errors import InputError
from likeness.faces import Face, FaceAnalyzer, similarity
from likeness.faces.age import AgeEstimator
from likeness.faces.face import shared_px2
from likeness.faces.landmarks import PRESENCE
from likeness.faces.stance import SURE_LENGTH
from likeness.images import RGB, to_lab
from likeness.safety.floors import IdentityLimits
from likeness.safety.gates import REMEDIES
from likeness.safety.identity import SFACE, Vectors, still_target, stranger
from likeness.safety.rating import Rater

# How far a result's face may lie from the target's. Seen over the demo's 35 swaps: 2 degrees and .11 at most.
MAX_LEAN_DEG = 20.0
MAX_MOUTH_OFF = 0.35
"""Of the distance of the target's eyes."""

MAX_SECOND_FACE = 0.2
"""Share of the target's face that a second one may cover."""

# Beyond the face, by half its size, a result shows what the target shows: at this side nine tenths of its pixels lie within
# these colours (CIELAB). Seen: 3 in a JPEG of quality 30, 11 where all is brighter by 15 %, 17 and more in another picture.
COMPARED_PX, BEYOND, PERCENTILE, MAX_COLOURS_OFF = 64, 0.5, 90, 15.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The face where the target's was, its apparent age in years, and the picture's explicit-material score 0..1."""

    face: Face
    age_years: float
    explicit: float


def measure_swap(
    rgb: NDArray[np.uint8],
    target: Face,
    *,
    analyzer: FaceAnalyzer,
    ages: AgeEstimator,
    rater: Rater,
) -> Measured:
    """Find the swapped face in an image [H, W, 3], measure it, and rate the image.

    Raises:
        InputError: refused as `swap-no-face`, `swap-two-faces`, `swap-not-upright` or `not-rated`.
    """
    found = analyzer.faces(rgb)
    nearest = max(found, key=lambda face: shared_px2(face.box_px, target.box_px), default=None)
    if nearest is None or shared_px2(nearest.box_px, target.box_px) == 0:
        raise refused_swap("swap-no-face", "no face is found where the target's was")
    _refuse_stance(rgb, nearest, target, found, analyzer)
    explicit = rater.explicit(rgb)
    face = analyzer.identified(rgb, nearest)
    return Measured(face=face, age_years=ages.years(rgb, face), explicit=explicit)


def refuse_other_picture(rgb: RGB, shown: RGB, target: Face) -> None:
    """See that a result [H, W, 3] is the target's picture `shown` where the face is not: no other pair's, and not its colours
    exchanged.

    Raises:
        InputError: refused as `swap-other-picture`.
    """
    height, width = shown.shape[:2]
    share = COMPARED_PX / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    small = [
        to_lab(np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX)))
        for picture in (rgb, shown)
    ]
    left, top, wide, high = (value * share for value in target.box_px)
    columns, rows = np.arange(size[0]), np.arange(size[1])
    beside = (columns < left - BEYOND * wide) | (columns > left + (1 + BEYOND) * wide)
    beyond = beside | ((rows < top - BEYOND * high) | (rows > top + (1 + BEYOND) * high))[:, None]
    off = np.linalg.norm(small[0] - small[1], axis=2)[beyond]
    if off.size and not (value := float(np.percentile(off, PERCENTILE))) <= MAX_COLOURS_OFF:
        detail = (
            f"beyond the face it is not the target's picture: its colours are off by {value:.0f} (CIELAB), "
            f"{MAX_COLOURS_OFF:g} allowed"
        )
        raise refused_swap("swap-other-picture", detail)


def judge_swap(
    face: Vectors, *, persona: Vectors, target: Vectors, limits: IdentityLimits
) -> dict[str, float]:
    """Scores `to_persona` and `to_target` (SFace) of a result's face.

    Raises:
        InputError: refused as `swap-not-the-persona` or `swap-still-the-target`.
    """
    if why := stranger(face, persona, limits, swap=True):
        raise refused_swap("swap-not-the-persona", f"compared with the persona: {why}")
    if why := still_target(face, target, limits):
        raise refused_swap("swap-still-the-target", f"compared with the target: {why}")
    to_persona, to_target = similarity(face[SFACE], persona[SFACE]), similarity(face[SFACE], target[SFACE])
    return {"to_persona": round(to_persona, 4), "to_target": round(to_target, 4)}


def judge_place(face: Face, target: Face) -> None:
    """See that a result's face [468 landmarks] lies on the target's: as upright as it, its mouth where the target's was.

    Raises:
        InputError: refused as `swap-no-landmarks`, `swap-not-upright` or `swap-mouth-elsewhere`.
    """
    if (score := face.landmark_score) < PRESENCE:
        detail = f"the landmarks of its face mean nothing (score {score:.2f}, {PRESENCE:g} needed)"
        raise refused_swap("swap-no-landmarks", detail)
    lean = abs((face.roll_deg - target.roll_deg + 180) % 360 - 180)
    if not lean <= MAX_LEAN_DEG:
        detail = f"its face leans {lean:.0f} degrees away from the target's, {MAX_LEAN_DEG:g} allowed"
        raise refused_swap("swap-not-upright", detail)
    eyes = max(float(np.linalg.norm(target.points5[1] - target.points5[0])), 1.0)
    off = float(np.linalg.norm(_mouth(face) - _mouth(target))) / eyes
    if not off <= MAX_MOUTH_OFF:
        detail = (
            f"its mouth lies {off:.2f} of the eyes' distance from the target's, {MAX_MOUTH_OFF:g} allowed"
        )
        raise refused_swap("swap-mouth-elsewhere", detail)


def _mouth(face: Face) -> NDArray[np.float32]:
    return face.points5[3:].mean(axis=0)


def _refuse_stance(
    rgb: NDArray[np.uint8], nearest: Face, target: Face, found: Sequence[Face], analyzer: FaceAnalyzer
) -> None:
    area = target.box_px[2] * target.box_px[3]
    others = [face for face in found if face is not nearest]
    if any(shared_px2(face.box_px, target.box_px) > MAX_SECOND_FACE * area for face in others):
        raise refused_swap("swap-two-faces", "a second face is found where the target's was")
    if nearest.embedding_length >= SURE_LENGTH:
        return
    stance = analyzer.stances(rgb, [nearest])[0]
    if stance is not None and (stance.negative or stance.turns):
        raise refused_swap("swap-not-upright", "its face does not stand upright")


def refused_swap(reason: str, detail: str) -> InputError:
    """The refusal of a swap's result."""
    return InputError(detail, reason=reason, remedy=REMEDIES["swap"], kind="refused")
