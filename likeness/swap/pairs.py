"""Which source goes onto which target: what is out of range is skipped, of the rest the likest are taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from likeness.faces import Face
from likeness.paths import item_id
from likeness.pipeline.manifest import Failure, natural
from likeness.swap import PairLimits, SwapConfig
from likeness.swap.lighting import Traits

# How unlike two faces are is counted in degrees of head turn. One unit of mouth opening (gap over width) ...
MOUTH_AS_DEG = 100.0
# ... light from the side: the difference of (left - right) / (left + right) lightness of the cheeks ...
SIDE_LIGHT_AS_DEG = 50.0
# ... and one Lab unit between the cheeks' colours, which the colour match has to make up for.
COLOUR_AS_DEG = 0.15

Pair = tuple[str, str]
"""Labels of a source and a target: ("s1", "t2")."""

Problem = tuple[str, str, str]
"""Reason, detail and remedy."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of a photo without its pixels."""

    face: Face
    traits: Traits


def choose_pairs(
    persona: str, sources: Mapping[str, Candidate], targets: Mapping[str, Candidate], config: SwapConfig
) -> tuple[list[Pair], list[Failure]]:
    """The pairs to swap in the order of ids, and a `skipped` failure for each photo or pair out of range.

    Pairs in range that `best` leaves out are a choice, not a failure, and leave no line.
    """
    skipped: list[Failure] = []

    def usable(role: str, photos: Mapping[str, Candidate]) -> dict[str, Candidate]:
        problems = {label: photo_out_of_range(photo, config.limits) for label, photo in photos.items()}
        skipped.extend(
            _skip(persona, problem, **{role: label}) for label, problem in problems.items() if problem
        )
        return {label: photo for label, photo in photos.items() if problems[label] is None}

    sources, targets = usable("source", sources), usable("target", targets)
    in_range: dict[str, list[str]] = {label: [] for label in targets}
    for source, target in product(sources, targets):
        problem = pair_out_of_range(sources[source].face, targets[target].face, config.limits)
        if problem is None:
            in_range[target].append(source)
        else:
            skipped.append(_skip(persona, problem, source=source, target=target))
    most = config.sources_per_target if config.pairs == "best" else None
    chosen = [
        (source, target)
        for target, labels in in_range.items()
        for source in sorted(labels, key=lambda s: (distance(sources[s], targets[target]), natural(s)))[:most]
    ]
    return sorted(chosen, key=lambda pair: (natural(pair[0]), natural(pair[1]))), skipped


def distance(source: Candidate, target: Candidate) -> float:
    """How differently two faces are held and lit, in degrees of head turn."""
    a, b = source.face, target.face
    turn = float(np.hypot(a.yaw_deg - b.yaw_deg, a.pitch_deg - b.pitch_deg))
    side_light = abs(_side_light(source.traits) - _side_light(target.traits))
    colour = float(np.linalg.norm(_cheeks(source.traits) - _cheeks(target.traits)))
    mouth = abs(a.mouth_open - b.mouth_open)
    return turn + MOUTH_AS_DEG * mouth + SIDE_LIGHT_AS_DEG * side_light + COLOUR_AS_DEG * colour


def photo_out_of_range(photo: Candidate, limits: PairLimits) -> Problem | None:
    """What is wrong with a photo whatever it is paired with."""
    side_px, line = min(photo.face.box_px[2:]), photo.traits.bridge_line
    if side_px < limits.min_face_px:
        detail = f"the face is {side_px:.0f} px wide, {limits.min_face_px:g} needed"
        return "tiny-face", detail, "use a photo taken closer, or a larger file"
    if line > limits.max_bridge_line:
        detail = f"a line of contrast {line:.2f} crosses the nose, {limits.max_bridge_line:g} allowed"
        remedy = "use a photo without glasses, or raise swap.limits.max_bridge_line if there are none"
        return "glasses", detail, remedy
    return None


def pair_out_of_range(source: Face, target: Face, limits: PairLimits) -> Problem | None:
    """The first limit that two faces break together."""
    nearer = "add a source photo in a pose nearer to this target's"
    yaw, pitch = abs(source.yaw_deg - target.yaw_deg), abs(source.pitch_deg - target.pitch_deg)
    if yaw > limits.max_yaw_difference_deg:
        detail = f"heads turned {yaw:.1f} degrees apart, {limits.max_yaw_difference_deg:g} allowed"
        return "yaw-difference", detail, nearer
    if pitch > limits.max_pitch_difference_deg:
        detail = f"heads tilted {pitch:.1f} degrees apart, {limits.max_pitch_difference_deg:g} allowed"
        return "pitch-difference", detail, nearer
    mouth = abs(source.mouth_open - target.mouth_open)
    if mouth > limits.max_mouth_difference:
        detail = f"mouths opened {mouth:.2f} apart (gap over width), {limits.max_mouth_difference:g} allowed"
        return "mouth-opening", detail, "add a source photo with the mouth held as in this target"
    return None


def _skip(persona: str, problem: Problem, *, source: str | None = None, target: str | None = None) -> Failure:
    reason, detail, remedy = problem
    item = item_id(persona, source, target)
    return Failure(
        id=item, source=source, target=target, kind="skipped", reason=reason, detail=detail, remedy=remedy
    )


def _side_light(traits: Traits) -> float:
    left, right = traits.left_cheek[0], traits.right_cheek[0]
    return (left - right) / max(left + right, 1.0)


def _cheeks(traits: Traits) -> np.ndarray:
    return (np.array(traits.left_cheek) + np.array(traits.right_cheek)) / 2
