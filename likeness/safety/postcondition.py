"""What must hold of a swap before anyone sees it: the persona's face, no longer the target's, nothing explicit.

Other tools return the unswapped third person as a success; here that is a refusal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.faces import Face, FaceAnalyzer, similarity
from likeness.safety.rating import Rater, Rating, rating

REMEDY = "nothing need be done for one pair; many such refusals want other source photos (docs/providers.md)"


@dataclass(frozen=True, kw_only=True)
class SwapRules:
    """Cosine thresholds on SFace embeddings, and the scores from which a picture is `review` or explicit."""

    to_persona_min: float
    to_target_max: float
    review_explicit: float
    max_explicit: float


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A result that passed, and what was measured on it."""

    face: Face
    to_persona: float
    to_target: float
    explicit: float
    rating: Rating


def check_swap(
    rgb: NDArray[np.uint8],
    *,
    persona: NDArray[np.float32],
    target: NDArray[np.float32],
    rules: SwapRules,
    analyzer: FaceAnalyzer,
    rater: Rater,
) -> Checked:
    """Measure a swapped image [H, W, 3]; `persona` and `target` are embeddings [128].

    Raises:
        InputError: refused as `swap-no-face`, `swap-not-the-persona`, `swap-still-the-target` or `explicit`.
    """
    faces = analyzer.faces(rgb)
    if not faces:
        raise _refused("swap-no-face", "no face is found in the result")
    to_persona, to_target = similarity(faces[0].embedding, persona), similarity(faces[0].embedding, target)
    if not to_persona >= rules.to_persona_min:
        raise _refused(
            "swap-not-the-persona",
            f"similarity to the persona {to_persona:.2f}, {rules.to_persona_min:g} needed",
        )
    if not to_target <= rules.to_target_max:
        raise _refused(
            "swap-still-the-target",
            f"similarity to the target {to_target:.2f}, {rules.to_target_max:g} allowed",
        )
    explicit = rater.explicit(rgb)
    word = rating(explicit, review_explicit=rules.review_explicit, max_explicit=rules.max_explicit)
    if word == "explicit":
        raise _refused("explicit", f"rated explicit ({explicit:.2f})")
    return Checked(face=faces[0], to_persona=to_persona, to_target=to_target, explicit=explicit, rating=word)


def _refused(reason: str, detail: str) -> InputError:
    return InputError(detail, reason=reason, remedy=REMEDY, kind="refused")
