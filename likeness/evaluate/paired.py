"""Two LoRAs compared in pairs: both draw the same prompts and seeds, and differences get intervals.

Read from what an evaluation writes (details.json), so that two evaluations that exist are compared without drawing. A picture
of one counts only with the other's of the same prompt and seed: what the seed does to both cancels out. Whole seeds and
photographs are drawn again (bootstrap), for both alike. A ceiling is taken as known: it divides both sides alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from likeness.evaluate.ceiling import PHOTOGRAPHS, seed_means
from likeness.evaluate.measures import Place, by_way, leaks, name_trios
from likeness.evaluate.statistics import Estimate, Numbers, Resampler, estimate, rounded

Details = Mapping[str, Any]
Rows = Mapping[Place, Numbers]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A measure of both on the pictures that both have: `first`, `second`, and second - first with its 95 % interval. `pairs`
    is how many pictures of each count, of how many `seeds`; `better` says which way is wanted."""

    measure: str
    by: str
    first: float | None
    second: float | None
    difference: Estimate
    pairs: int
    seeds: int
    better: str

    @property
    def sure(self) -> bool:
        """Whether the interval has no zero in it. Of one seed it is that of the photographs: another seed may draw otherwise."""
        low, high = self.difference.low, self.difference.high
        return self.seeds > 1 and low is not None and high is not None and (low > 0 or high < 0)

    def values(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "sure": self.sure}


def common(first: Details, second: Details) -> list[Place]:
    """The places that both drew with a prompt that names the person, with the LoRA, in the order of the first's."""
    named = {*first.get("named", ())} & {*second.get("named", ())}
    drawn = [{place: one for place, one in _samples(side).items() if one["file"]} for side in (first, second)]
    return [place for place in drawn[0] if place in drawn[1] and place[0] in named and place[2]]


def differences(first: Details, second: Details) -> list[Difference]:
    """What differs, measure by measure; empty where the two have no picture of one prompt and seed."""
    if not (places := common(first, second)):
        return []
    found: list[Difference] = []
    others = {one["name"]: one for one in second["measures"]["embedders"]}
    for one in first["measures"]["embedders"]:
        if (other := others.get(one["name"])) is not None:
            found += _by_embedder((first, one), (second, other), places)
    for measure, by, figures, better in (
        ("pictures with a face", "", _faces, "more"),
        ("prompts followed", "", _followed, "more"),
        ("copy", "SFace", _copies, "less"),
    ):
        sides = [
            {place: row for place, row in figures(side).items() if place in places}
            for side in (first, second)
        ]
        found.append(_difference(measure, by, sides, _seeds(places), better=better))
    return [one for one in found if one.pairs]


def _by_embedder(
    first: tuple[Details, Details], second: tuple[Details, Details], places: Sequence[Place]
) -> list[Difference]:
    """What one embedder says of both; the threshold is the first's for both."""
    label, threshold = first[1]["label"], first[1]["threshold"]["value"]
    scores = _alike([_scores(*side) for side in (first, second)])
    ceilings = [side[1]["ceiling"]["value"] for side in (first, second)]
    mine = [{place: rows[place] for place in places if place in rows} for rows in scores]
    known = [
        {place: np.array([float(place in rows and rows[place].mean() >= threshold)]) for place in places}
        for rows in scores
    ]
    shares = [
        {place: row / ceiling for place, row in rows.items()} if ceiling and ceiling > 0 else {}
        for rows, ceiling in zip(mine, ceilings, strict=True)
    ]
    seeds = _seeds(places)
    return [
        _difference("share of the ceiling", label, shares, seeds, better="more"),
        _difference("similarity", label, mine, seeds, better="more"),
        _difference("recognised", label, known, seeds, better="more"),
        _leak(first[0], second[0], label, scores),
    ]


def _difference(
    measure: str, by: str, sides: Sequence[Rows], seeds: Sequence[Sequence[Place]], *, better: str
) -> Difference:
    rows = _alike(sides)
    both = [[place for place in places if all(place in one for one in rows)] for places in seeds]
    photographs = _photographs(rows)
    (one, units), (other, _) = (seed_means(side, both, photographs) for side in rows)
    return Difference(
        measure=measure,
        by=by,
        first=rounded(one[0]),
        second=rounded(other[0]),
        difference=estimate(other - one, units),
        pairs=sum(map(len, both)),
        seeds=sum(map(bool, both)),
        better=better,
    )


def _leak(first: Details, second: Details, by: str, scores: Sequence[Rows]) -> Difference:
    """The leak of the name of both, on the seeds at which both drew a face three ways: named, class word, base."""
    other_twins = [*map(tuple, second.get("twins", ()))]
    twins = [pair for pair in map(tuple, first.get("twins", ())) if pair in other_twins]
    trios = name_trios((seed for _, seed, _ in scores[0]), {*scores[0]} & {*scores[1]}, twins)
    photographs = _photographs(scores)

    def draws(rows: Rows) -> tuple[Numbers, int]:
        (named, units), (plain, _), (untaught, _) = (
            seed_means(rows, way, photographs) for way in by_way(trios)
        )
        return leaks(named, plain, untaught), units

    (one, units), (other, _) = draws(scores[0]), draws(scores[1])
    known = np.isfinite(one[0]) and np.isfinite(other[0])
    return Difference(
        measure="leak of the name",
        by=by,
        first=rounded(one[0]),
        second=rounded(other[0]),
        difference=estimate(other - one, units),
        pairs=sum(map(len, trios)) if known else 0,
        seeds=len(trios),
        better="less",
    )


def _alike(sides: Sequence[Rows]) -> list[Rows]:
    """Rows of one length: where a side has no score for each photograph, both have their mean only."""
    if len({len(row) for rows in sides for row in rows.values()}) <= 1:
        return list(sides)
    return [{place: np.array([np.nanmean(row)], np.float64) for place, row in rows.items()} for rows in sides]


def _photographs(sides: Sequence[Rows]) -> Numbers:
    """How often each photograph is drawn; one column is drawn once."""
    width = next((len(row) for rows in sides for row in rows.values()), 1)
    draws = Resampler(PHOTOGRAPHS).counts(width)
    return draws if width > 1 else np.ones_like(draws)


def _samples(side: Details) -> dict[Place, Mapping[str, Any]]:
    return {(one["prompt"], one["seed"], one["lora"]): one for one in side["samples"]}


def _by_place(side: Details, value: Callable[[str], Numbers | None]) -> dict[Place, Numbers]:
    found = {place: value(one["id"]) for place, one in _samples(side).items()}
    return {place: row for place, row in found.items() if row is not None}


def _scores(side: Details, embedder: Details) -> dict[Place, Numbers]:
    """Similarities to each reference; of an evaluation that did not write them, the mean over these."""
    rows = embedder.get("scores") or {
        name: [score] for group in ("samples", "base") for name, score in embedder[group]["by_image"].items()
    }
    return _by_place(side, lambda name: np.asarray(rows[name], np.float64) if name in rows else None)


def _faces(side: Details) -> dict[Place, Numbers]:
    found = side["measures"]["embedders"][0]["samples"]["by_image"]
    return _by_place(side, lambda name: np.array([float(name in found)]))


def _copies(side: Details) -> dict[Place, Numbers]:
    known = {one["id"]: one["copy"] for one in side["measures"]["copying"]["pictures"]}
    return _by_place(side, lambda name: None if known.get(name) is None else np.array([known[name]]))


def _followed(side: Details) -> dict[Place, Numbers]:
    """The share of what could be judged in each picture; of an evaluation that did not write it, none."""
    known = side["measures"]["adherence"].get("by_image", {})
    return _by_place(
        side, lambda name: np.array([known[name][0] / known[name][1]]) if name in known else None
    )


def _seeds(places: Sequence[Place]) -> list[list[Place]]:
    seeds = dict.fromkeys(seed for _, seed, _ in places)
    return [[place for place in places if place[1] == seed] for seed in seeds]
