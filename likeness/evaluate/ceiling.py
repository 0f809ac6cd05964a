"""The samples' similarity to the person, as a share of her real photographs' similarity to each other; one embedder
at a time.

The ceiling: every pair of her real photographs of which one is a reference. The score: every drawn picture with every
reference. References are the held-out photographs; where none is held out, all of them, and then a copy scores high.
Two real photographs of one person have a median cosine of about .46 in ArcFace's eyes; more than the ceiling is copying
(H. Xu et al., "WithAnyone", arXiv:2510.14975, 2025).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from likeness.evaluate.embedders import Embedder
from likeness.evaluate.evaluation import Faces, Person
from likeness.evaluate.identity import FaceEmbedding, bin_index, bins
from likeness.evaluate.samples import Planned
from likeness.evaluate.statistics import (
    UNKNOWN,
    Estimate,
    Numbers,
    Resampler,
    Threshold,
    calibrate,
    crossed_means,
    estimate,
)
from likeness.safety.identity import SFACE

PHOTOGRAPHS, SEEDS = 0, 1
"""Streams of draws: seeds and photographs are drawn independently, and alike in each comparison."""


class Scale:
    """One embedder's scale for a person: ceiling, strangers, threshold; None of it is known where it measured no photograph.
    `counts` say how often each draw has each reference."""

    def __init__(self, embedder: Embedder, person: Person, *, false_accept_rate: float) -> None:
        self.embedder, self._random = embedder, Resampler(PHOTOGRAPHS)
        known = [
            [face for face in group if self._vector(face) is not None]
            for group in (person.references, person.others, person.strangers)
        ]
        self._references, others, strangers = known
        self.counts = self._random.counts(len(self._references))
        photographs = [*self._references, *others]
        pairs = self._similarities(self._references, photographs)
        for row in range(len(pairs)):
            pairs[row, row] = np.nan  # a photograph is not compared with itself
        columns = np.hstack([self.counts, self._random.counts(len(others))])
        self._ceilings = crossed_means(pairs, self.counts, columns)
        self.ceiling = estimate(self._ceilings, len(photographs))
        with_strangers = self._similarities(self._references, strangers)
        means = crossed_means(with_strangers, self.counts, self._random.counts(len(strangers)))
        self.strangers = estimate(means, len(strangers))
        upper = np.triu_indices(len(photographs), 1)
        self.threshold: Threshold = calibrate(
            self._similarities(photographs, photographs)[upper].tolist(),
            self._similarities(photographs, strangers).ravel().tolist(),
            false_accept_rate=false_accept_rate,
            published=embedder.published,
        )

    def scores(self, faces: Sequence[FaceEmbedding]) -> dict[str, Numbers]:
        """The similarities [R] of each face to the references, by its image; a reference is not compared with itself."""
        known = [face for face in faces if self._vector(face) is not None]
        rows = self._similarities(known, self._references)
        names = [reference.id for reference in self._references]
        for face, row in zip(known, rows, strict=True):
            row[[name == face.id for name in names]] = np.nan
        return {face.id: row for face, row in zip(known, rows, strict=True)}

    def share(self, means: Numbers, units: int) -> Estimate:
        """The means as a share of the ceiling, drawn together: both hold the same photographs."""
        if not (self.ceiling.value and self.ceiling.value > 0):
            return UNKNOWN
        ceilings = np.where(self._ceilings > 0, self._ceilings, np.nan)
        return estimate(means / ceilings, units)

    def _similarities(self, faces: Sequence[FaceEmbedding], others: Sequence[FaceEmbedding]) -> Numbers:
        if not faces or not others:
            return np.empty((len(faces), len(others)))
        a, b = (np.stack([self._vector(one) for one in group]) for group in (faces, others))
        return self.embedder.similarities(a, b)

    def _vector(self, face: FaceEmbedding) -> Any:
        return face.embedding if self.embedder.name == SFACE else face.others.get(self.embedder.name)


def seed_means(
    scores: Mapping[Any, Numbers], seeds: Sequence[Sequence[Any]], photographs: Numbers
) -> tuple[Numbers, int]:
    """The mean of scores [R] in each draw of seeds and of photographs [B, R], and how many units were drawn again: seeds or
    photographs, of which there are fewer, leaving out what is one. Equal numbers of seeds are drawn alike: such means are
    paired."""
    drawn = [[name for name in names if name in scores] for names in seeds]
    drawn = [names for names in drawn if names]
    draws, references = len(photographs), photographs.shape[1]
    if not drawn or not references:
        return np.full(draws, np.nan), 0
    counts = Resampler(SEEDS).counts(len(drawn)) if len(drawn) > 1 else np.ones((draws, 1))
    rows = np.vstack([scores[name] for names in drawn for name in names])
    weights = np.repeat(counts, [len(names) for names in drawn], axis=1)
    units = min((units for units in (len(drawn), references) if units > 1), default=1)
    return crossed_means(rows, weights, photographs), units


def by_seed(planned: Sequence[Planned]) -> list[list[str]]:
    """The images of each seed."""
    seeds = dict.fromkeys(one.seed for one in planned)
    return [[one.id for one in planned if one.seed == seed] for seed in seeds]


def described_set(scale: Scale, faces: Faces, planned: Sequence[Planned]) -> dict[str, Any]:
    """The scores of a set of drawn pictures: similarity, share of the ceiling, and how many are recognised; JSON values."""
    scores = scale.scores(faces.embeddings)
    means, units = seed_means(scores, by_seed(planned), scale.counts)
    known = {name: row for name, row in scores.items() if np.isfinite(row).any()}
    by_image = {name: round(float(np.nanmean(row)), 4) for name, row in known.items()}
    return {
        "similarity": asdict(estimate(means, units)),
        "share": asdict(scale.share(means, units)),
        "recognised": recognised(by_image.values(), scale.threshold),
        "of": faces.images,
        "by_image": by_image,
    }


def recognised(scores: Any, threshold: Threshold) -> int:
    """How many of the scores reach the threshold."""
    return sum(score >= threshold.value for score in scores)


def binned(
    scale: Scale,
    scores: Mapping[str, float],
    values: Mapping[str, float],
    edges: Sequence[float],
    last: float,
) -> list[dict[str, Any]]:
    """The scores by a measure of each image (turn of the head, size of the face): how many, their mean, how many recognised."""
    rows: list[dict[str, Any]] = []
    for index, name in enumerate(bins(edges, last)):
        inside = [score for image, score in scores.items() if bin_index(values[image], edges) == index]
        mean = round(float(np.mean(inside)), 4) if inside else None
        counts = {"faces": len(inside), "similarity": mean, "recognised": recognised(inside, scale.threshold)}
        rows.append({"bin": name, **counts})
    return rows
