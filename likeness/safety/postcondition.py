"""What must hold of a swap: the persona's face, no longer the target's, nothing explicit.

Other tools return the unswapped third person as a success; here that is a refusal. Measuring and judging are
apart, so that another threshold, or a persona's face from one photo more, measures nothing again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.faces import Face, FaceAnalyzer, similarity
from likeness.faces.face import shared_px2
from likeness.safety.gates import REMEDIES, Subject, refuse
from likeness.safety.rating import Rater


@dataclass(frozen=True, kw_only=True)
class SwapRules:
    """Cosine thresholds on SFace embeddings (`personas.NAME.similarity`)."""

    to_persona_min: float
    to_target_max: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The face where the target's was, and the picture's explicit-material score 0..1."""

    face: Face
    explicit: float


def measure_swap(
    rgb: NDArray[np.uint8], target: Face, *, analyzer: FaceAnalyzer, rater: Rater, max_explicit: float
) -> Measured:
    """Find the swapped face in an image [H, W, 3] and rate the image.

    Raises:
        InputError: refused as `swap-no-face` or `explicit`.
    """
    nearest = max(analyzer.faces(rgb), key=lambda face: shared_px2(face.box_px, target.box_px), default=None)
    if nearest is None or shared_px2(nearest.box_px, target.box_px) == 0:
        raise _refused("swap-no-face", "no face is found where the target's was")
    explicit = rater.explicit(rgb)
    refuse("swap", Subject(explicit=explicit, max_explicit=max_explicit), what="the result is")
    return Measured(face=nearest, explicit=explicit)


def judge_swap(
    embedding: NDArray[np.float32],
    *,
    persona: NDArray[np.float32],
    target: NDArray[np.float32],
    rules: SwapRules,
) -> dict[str, float]:
    """Scores `to_persona` and `to_target` of a result's embedding [128].

    Raises:
        InputError: refused as `swap-not-the-persona` or `swap-still-the-target`.
    """
    to_persona, to_target = similarity(embedding, persona), similarity(embedding, target)
    # Written so that a NaN is refused.
    if not to_persona >= rules.to_persona_min:
        detail = f"similarity to the persona is {to_persona:.3f}, {rules.to_persona_min:g} needed"
        raise _refused("swap-not-the-persona", detail)
    if not to_target <= rules.to_target_max:
        detail = f"similarity to the target is {to_target:.3f}, {rules.to_target_max:g} allowed"
        raise _refused("swap-still-the-target", detail)
    return {"to_persona": round(to_persona, 4), "to_target": round(to_target, 4)}


def _refused(reason: str, detail: str) -> InputError:
    return InputError(detail, reason=reason, remedy=REMEDIES["swap"], kind="refused")
