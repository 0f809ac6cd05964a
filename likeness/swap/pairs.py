"""Chooses which source goes onto which target: skips pairs that are out of range, and takes the most similar of the
rest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likeness.lazy import Spool
from likeness.paths import item_id
from likeness.pipeline.manifest import Failure, natural
from likeness.safety.consent import Role
from likeness.swap import PairLimits, SwapConfig
from likeness.swap.range import LIMITS, Candidate, Problem, photo_out_of_range, source_out_of_range

# How unlike two faces are is counted in degrees of head turn. One unit of mouth opening (gap over width) ...
MOUTH_AS_DEG = 100.0
# ... light from the side: the difference of (left - right) / (left + right) lightness of the cheeks ...
SIDE_LIGHT_AS_DEG = 50.0
# ... shadow that the source has and the target has not (flaws.py) ...
SHADOW_AS_DEG = 100.0
# ... and one Lab unit between the cheeks' colours, which the colour match has to make up for.
COLOUR_AS_DEG = 0.15

# What a distance computed alone and one of many may differ by, in degrees: they add in another order.
ROUNDING = 1e-6
COLUMNS = ("yaw", "pitch", "mouth", "side light", "shadow", "L", "a", "b")

Columns = NDArray[np.float64]
Numbers = NDArray[np.intp]
Pair = tuple[str, str]
"""Labels of a source and a target: ("s1", "t2")."""


def choose_pairs(
    persona: str, sources: Mapping[str, Candidate], targets: Mapping[str, Candidate], config: SwapConfig
) -> tuple[list[Pair], Sequence[Failure]]:
    """The pairs to swap in the order of ids, and a `skipped` failure for each photo out of range, and for each target and
    limit that some sources break with it: a line for each pair would be a million for a thousand photographs of each.

    Pairs in range that `best` leaves out are a choice, not a failure, and leave no line. Without targets nothing is paired,
    and no source is called unfit for it.
    """
    skipped = Spool[Failure]()
    if not targets:
        return [], skipped

    def usable(role: Role, photos: Mapping[str, Candidate]) -> list[str]:
        in_range: list[str] = []
        for label, photo in photos.items():
            problem = photo_out_of_range(photo, config.limits)
            if problem is None and role == "source":
                problem = source_out_of_range(photo, config.limits)
            if problem is None:
                in_range.append(label)
            else:
                whose: dict[str, Any] = {role: label}
                skipped.append(_skip(persona, problem, **whose))
        return in_range

    heads = Heads(sources, usable("source", sources))
    most = config.sources_per_target if config.pairs == "best" else len(sources)
    chosen: list[Pair] = []
    for target in usable("target", targets):
        photo = targets[target]
        in_range, broken = heads.in_range(photo, config.limits)
        chosen.extend((source, target) for source in heads.nearest(photo, in_range, most))
        for problem, nearest, items in broken:
            # One pair is called by its own name.
            source = nearest if items == 1 else None
            skipped.append(_skip(persona, problem, source=source, target=target, items=items))
    return sorted(chosen, key=lambda pair: (natural(pair[0]), natural(pair[1]))), skipped


class Heads:
    """How the faces of the sources of these labels are held and lit, as columns: a target is compared with all of them at once."""

    def __init__(self, sources: Mapping[str, Candidate], labels: Iterable[str]) -> None:
        self._labels: list[str] = sorted(labels, key=natural)
        rows = [columns(sources[label]) for label in self._labels]
        self._columns = np.array(rows).reshape(-1, len(COLUMNS))

    def in_range(
        self, target: Candidate, limits: PairLimits
    ) -> tuple[Numbers, list[tuple[Problem, str, int]]]:
        """The numbers of the sources in range, and for each limit that some break what is wrong with them, the label of the
        one that misses it least and how many they are; a source counts at the first limit that it breaks."""
        apart = _apart(self._columns, columns(target))
        left = np.arange(len(self._labels))
        broken: list[tuple[Problem, str, int]] = []
        for limit in LIMITS:
            allowed, differ = getattr(limits, limit.setting), apart[left, COLUMNS.index(limit.column)]
            beyond = differ > allowed
            if count := int(beyond.sum()):
                least = int(differ[beyond].argmin())
                label = self._labels[int(left[beyond][least])]
                detail = limit.told(differ[beyond][least], allowed)
                who = "" if count == 1 else f"{count} sources, of which {label} is the nearest: "
                broken.append(((limit.reason, who + detail, limit.remedy), label, count))
            left = left[~beyond]
        return left, broken

    def nearest(self, target: Candidate, numbers: Numbers, most: int) -> list[str]:
        """The labels of the `most` likest of some sources."""
        if len(numbers) <= most:
            return self._named(numbers)
        theirs = columns(target)
        unlike = _unlike(_apart(self._columns[numbers], theirs))
        # Where they differ by a rounding, the distance computed alone decides.
        perhaps = numbers[unlike <= np.partition(unlike, most - 1)[most - 1] + ROUNDING]

        def unlikeness(number: int) -> tuple[object, ...]:
            return distance(self._columns[number], theirs), natural(self._labels[number])

        return self._named(sorted(perhaps.tolist(), key=unlikeness)[:most])

    def _named(self, numbers: Iterable[int]) -> list[str]:
        return [self._labels[int(number)] for number in numbers]


def distance(source: Columns, target: Columns) -> float:
    """How differently two faces are held and lit, in degrees of head turn."""
    return float(_unlike(_apart(source[None], target))[0])


def _apart(sources: Columns, target: Columns) -> Columns:
    """How far each source [N, COLUMNS] is from the target [COLUMNS]; of shadow, what the source has more."""
    apart = sources - target
    shade = COLUMNS.index("shadow")
    apart[:, shade] = np.clip(apart[:, shade], 0, None)
    return np.abs(apart)


def _unlike(apart: Columns) -> Columns:
    """In degrees of head turn, [N]."""
    yaw, pitch, mouth, side_light, shadow, *cheeks = apart.T
    colour = np.sqrt(sum(cheek**2 for cheek in cheeks))
    worth = MOUTH_AS_DEG * mouth + SIDE_LIGHT_AS_DEG * side_light + SHADOW_AS_DEG * shadow
    return np.hypot(yaw, pitch) + worth + COLOUR_AS_DEG * colour


def _skip(
    persona: str, problem: Problem, *, source: str | None = None, target: str | None = None, items: int = 1
) -> Failure:
    why = dict(zip(("reason", "detail", "remedy"), problem, strict=True))
    return Failure(
        id=item_id(persona, source, target), source=source, target=target, kind="skipped", items=items, **why
    )


def columns(photo: Candidate) -> NDArray[np.float64]:
    """The values of COLUMNS."""
    face, shadow = photo.face, photo.traits.shadow
    left, right = np.array(photo.traits.left_cheek), np.array(photo.traits.right_cheek)
    side_light = (left[0] - right[0]) / max(left[0] + right[0], 1.0)
    return np.array([face.yaw_deg, face.pitch_deg, face.mouth_open, side_light, shadow, *(left + right) / 2])
