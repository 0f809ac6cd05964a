"""Which source goes onto which target: out-of-range pairs are skipped, of the rest the nearest poses are taken."""

from collections.abc import Mapping
from itertools import product

from likeness.faces import Face
from likeness.manifest import Failure, natural
from likeness.naming import item_id
from likeness.swap import PairLimits, SwapConfig

# One unit of mouth opening weighs as much as this many degrees of head turn when poses are compared.
MOUTH_AS_DEG = 100.0

Pair = tuple[str, str]
"""Labels of a source and a target: ("s1", "t2")."""


def choose_pairs(
    persona: str, sources: Mapping[str, Face], targets: Mapping[str, Face], config: SwapConfig
) -> tuple[list[Pair], list[Failure]]:
    """The pairs to swap in the order of ids, and a `skipped` failure for each pair out of range.

    Pairs in range that `best` leaves out are a choice, not a failure, and leave no line.
    """
    skipped: list[Failure] = []
    in_range: dict[str, list[str]] = {label: [] for label in targets}
    for source, target in product(sources, targets):
        problem = out_of_range(sources[source], targets[target], config.limits)
        if problem is None:
            in_range[target].append(source)
        else:
            reason, detail, remedy = problem
            skipped.append(
                Failure(
                    id=item_id(persona, source, target),
                    kind="skipped",
                    reason=reason,
                    detail=detail,
                    remedy=remedy,
                )
            )
    most = config.sources_per_target if config.pairs == "best" else None
    chosen = [
        (source, target)
        for target, labels in in_range.items()
        for source in sorted(labels, key=lambda s: (distance(sources[s], targets[target]), natural(s)))[:most]
    ]
    return sorted(chosen, key=lambda pair: (natural(pair[0]), natural(pair[1]))), skipped


def distance(source: Face, target: Face) -> float:
    """How differently two faces are held, in degrees; half a point of mouth opening counts as 50."""
    turn = ((source.yaw_deg - target.yaw_deg) ** 2 + (source.pitch_deg - target.pitch_deg) ** 2) ** 0.5
    return turn + MOUTH_AS_DEG * abs(source.mouth_open - target.mouth_open)


def out_of_range(source: Face, target: Face, limits: PairLimits) -> tuple[str, str, str] | None:
    """(reason, detail, remedy) of the first limit the pair breaks, or None."""
    yaw, pitch = abs(source.yaw_deg - target.yaw_deg), abs(source.pitch_deg - target.pitch_deg)
    mouth = abs(source.mouth_open - target.mouth_open)
    side = min(*source.box_px[2:], *target.box_px[2:])
    nearer = "add a source photo in a pose nearer to this target's"
    if yaw > limits.max_yaw_difference_deg:
        return (
            "yaw-difference",
            f"heads turned {yaw:.0f} degrees apart, {limits.max_yaw_difference_deg:g} allowed",
            nearer,
        )
    if pitch > limits.max_pitch_difference_deg:
        return (
            "pitch-difference",
            f"heads tilted {pitch:.0f} degrees apart, {limits.max_pitch_difference_deg:g} allowed",
            nearer,
        )
    if mouth > limits.max_mouth_difference:
        return (
            "mouth-opening",
            f"mouths opened {mouth:.2f} apart (gap over width), {limits.max_mouth_difference:g} allowed",
            "add a source photo with the mouth held as in this target",
        )
    if side < limits.min_face_px:
        return (
            "tiny-face",
            f"a face {side:.0f} px wide, {limits.min_face_px:g} needed",
            "use a photo taken closer, or a larger file",
        )
    return None
