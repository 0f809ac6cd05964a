"""The evaluation's pictures: what is to be drawn, and what becomes of a drawn one before anyone sees it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from likeness.config import Config
from likeness.digests import digests_of
from likeness.evaluate import Arm
from likeness.evaluate.identity import Identity
from likeness.images import RGB, encode_jpeg
from likeness.marks.xmp import SourceType, mark_jpeg
from likeness.pipeline.batch import Made
from likeness.pipeline.manifest import Entry, Manifest
from likeness.run import Run
from likeness.safety.gates import Subject, judge, rating
from likeness.safety.pictures import PictureGate
from likeness.store.items import WITHHELD, Item

SAMPLES_VERSION = 2
"""Raised whenever the same drawn pixels would give another file."""

IMAGE = "image.jpg"
"""Name of the finished picture inside its item."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One picture to draw: a prompt and a seed, with the LoRA or without, after a reference picture or without."""

    id: str
    prompt: str
    seed: int
    lora: bool
    reference: bool = False

    @property
    def file(self) -> str:
        """`jade-p1-seed1-with.jpg`."""
        return f"{self.id}.jpg"

    @property
    def arm(self) -> Arm:
        """The way it is drawn."""
        return ("both" if self.lora else "reference") if self.reference else ("lora" if self.lora else "base")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Explicit-material scores: from the first on it is marked, from the second on never written."""

    review_explicit: float
    max_explicit: float

    @classmethod
    def of(cls, cfg: Config) -> "Limits":
        """Those of the settings: a drawn picture is rated as a photograph is."""
        return cls(review_explicit=cfg.ingest.review_explicit, max_explicit=cfg.ingest.max_explicit)


def drawn_prompts(run: Run) -> list[str]:
    """The prompts with the persona's words in their places."""
    return run.config.evaluate.drawn_prompts(run.persona.trigger, run.persona.class_word)


def plan_samples(persona: str, prompts: Sequence[str], seeds: Sequence[int]) -> list[Planned]:
    """Every prompt with every seed, without and with the LoRA."""
    ways = {"without": False, "with": True}
    return [
        Planned(id=f"{persona}-p{number}-seed{seed}-{way}", prompt=prompt, seed=seed, lora=ways[way])
        for (number, prompt), seed, way in product(enumerate(prompts, start=1), seeds, ways)
    ]


def plan_arms(
    persona: str, prompts: Sequence[str], seeds: Sequence[int], named: Sequence[str], arms: Sequence[Arm]
) -> list[Planned]:
    """The same for each of the arms that a reference picture belongs to, of the prompts that name the person."""
    return [
        Planned(
            id=f"{persona}-p{number}-seed{seed}-{arm}",
            prompt=prompt,
            seed=seed,
            lora=arm == "both",
            reference=True,
        )
        for arm in arms
        for number, prompt in enumerate(prompts, start=1)
        if prompt in named
        for seed in seeds
    ]


def finished_sample(
    rgb: RGB, rate: Callable[[RGB], float], ages: PictureGate, limits: Limits, *, quality: int
) -> Made:
    """The picture as a JPEG marked as drawn by a trained network, with its rating.

    Raises:
        InputError: `explicit`, `apparent-child` or `apparent-minor`; the picture is dropped.
    """
    score, faces = rate(rgb), ages.ages(rgb)
    files = {IMAGE: mark_jpeg(encode_jpeg(rgb, quality), SourceType.TRAINED)}
    subject = Subject(explicit=score, max_explicit=limits.max_explicit, faces=faces)
    if refusal := judge("drawn picture", subject):
        figures = {"explicit": _finite(score), "ages": [_finite(face.age_years) for face in faces]}
        raise refusal.error("the picture:", {**figures, WITHHELD: digests_of(files)})
    height, width = rgb.shape[:2]
    rated = {"explicit": round(score, 4), "rating": rating(score, **vars(limits))}
    return Made(files=files, record={"width": width, "height": height, **rated})


def _finite(value: float | None) -> float | None:
    """Rounded; None for what is no number, which no record holds."""
    return None if value is None or not math.isfinite(value) else round(value, 4)


def entry(planned: Planned, item: Item, *, provider: str, parents: tuple[str, ...]) -> Entry:
    """A written sample's manifest line; `parents` is the weights' sha256 where the LoRA was used."""
    return Entry(
        id=planned.id,
        file=planned.file,
        sha256=item.files[IMAGE].sha256,
        width=item.record["width"],
        height=item.record["height"],
        source=None,
        target=None,
        rating=item.record["rating"],
        faces=(),
        provider=provider,
        cost_usd=0.0,
        parents=parents,
        scores={"explicit": item.record["explicit"]},
        text=planned.prompt,
    )


def mean_difference(before: RGB, after: RGB) -> float:
    """Mean absolute difference of two images of one size, 0 (same pixels) to 255 (black against white)."""
    return float(np.mean(np.abs(before.astype(np.int16) - after.astype(np.int16))))


def lora_effect(planned: Sequence[Planned], pictures: Mapping[str, RGB]) -> float | None:
    """Mean of `mean_difference` over the pairs of one prompt and seed; None without pairs."""
    found = [mean_difference(*pair) for pair in drawn_pairs(planned, pictures)]
    return round(float(np.mean(found)), 4) if found else None


def drawn_pairs(planned: Sequence[Planned], pictures: Mapping[str, RGB]) -> list[tuple[RGB, RGB]]:
    """(without, with) pixels of each prompt and seed where both were written; `pictures` by id."""
    pairs = zip(planned[::2], planned[1::2], strict=True)
    return [(pictures[a.id], pictures[b.id]) for a, b in pairs if a.id in pictures and b.id in pictures]


def described(
    planned: Sequence[Planned], drawn: Manifest, scores: Mapping[str, Identity]
) -> list[dict[str, Any]]:
    """The samples as details.json lists them, with their similarity where a face was found."""
    written = {entry.id: entry for entry in drawn.entries}
    groups = ("samples_with", "samples_without", "unnamed_with", "unnamed_without")
    similar = {name: value for group in groups for name, value in scores[group].by_image.items()}
    return [
        {
            **vars(one),
            "file": one.file if one.id in written else None,
            "rating": written[one.id].rating if one.id in written else "explicit",
            "similarity": similar.get(one.id),
        }
        for one in planned
    ]
