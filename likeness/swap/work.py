"""Units of work: a photo's traits, a pair's swap, and a source photo that goes down the same way."""

import json
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likeness.batch import Made, Outcome, Work, failure_of
from likeness.errors import InputError
from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face, FaceAnalyzer, from_json, to_json
from likeness.images import encode_png, load_rgb
from likeness.items import Item, Json, item_key, sha256_file
from likeness.manifest import Entry, FaceEntry
from likeness.naming import image_name, item_id
from likeness.safety.postcondition import SwapRules, judge_swap, measure_swap
from likeness.safety.rating import RATER_DIGEST, Rater, rating
from likeness.swap import Portrait, Swapper
from likeness.swap.traits import TRAITS_VERSION, Traits, measure

# Raised when the same pair and provider would give another item (the provider has a version of its own).
VERSION = 2
IMAGE = "image.png"


@dataclass(frozen=True, kw_only=True)
class Photo:
    """An ingested photo: its manifest line, where it lies, the face that is meant, and that face's digest."""

    entry: Entry
    path: Path
    face: Face
    face_sha256: str

    @staticmethod
    def read(entry: Entry, folder: Path) -> "Photo":
        """The photo of a manifest line with its face, which ingest wrote beside it."""
        path = folder / f"{entry.id}.face.json"
        face = from_json(json.loads(path.read_bytes()))
        return Photo(entry=entry, path=folder / entry.file, face=face, face_sha256=sha256_file(path))

    @property
    def digests(self) -> list[str]:
        """What decides everything made of this photo."""
        return [self.entry.sha256, self.face_sha256]

    def portrait(self) -> Portrait:
        """The pixels, read when they are needed: a thousand photos don't fit into memory."""
        return Portrait(rgb=load_rgb(self.path), face=self.face)


@dataclass(frozen=True, kw_only=True)
class SwapBench:
    """Everything that is the same for all pairs of a run: the provider's name and identity, the swapper at work,
    the embedding [128] of the persona to reach, and what judges."""

    provider: str
    identity: dict[str, Json]
    swapper: Swapper
    persona: NDArray[np.float32]
    rules: SwapRules
    review_explicit: float
    max_explicit: float
    analyzer: FaceAnalyzer
    rater: Rater


def traits_work(photo: Photo) -> Work:
    """What the choice of pairs needs to know of a photo, measured once."""
    key = item_key("swap-traits", TRAITS_VERSION, {}, photo.digests)
    return Work(
        id=photo.entry.id,
        key=key,
        make=lambda: Made(files={}, record=measure(photo.portrait()).model_dump(mode="json")),
    )


def traits_of(outcome: Outcome) -> Traits:
    """The result of `traits_work`.

    Raises:
        InputError: the ingested photo could not be read.
    """
    if outcome.item is None:
        failure = outcome.failure
        detail = "it could not be measured" if failure is None else failure.detail
        raise InputError(f"{outcome.work.id}: {detail}", reason="unreadable", remedy="run `dvc repro` again")
    return Traits.model_validate(outcome.item.record)


def swap_work(persona: str, source: Photo, target: Photo, bench: SwapBench) -> Work:
    """One pair: swap, measure, keep.

    The key holds what decides pixels and measurements. The persona's embedding and the thresholds are not in
    it: one source photo more changes the embedding, and must not swap everything again.
    """
    settings: dict[str, Json] = {
        "provider": bench.identity,
        "models": [FACES_VERSION, MODELS_DIGEST, RATER_DIGEST],
        "max_explicit": bench.max_explicit,
    }
    return Work(
        id=item_id(persona, source.entry.source, target.entry.target),
        key=item_key("swap", VERSION, settings, [*source.digests, *target.digests]),
        make=partial(_swap, source, target, bench),
    )


def keep_work(persona: str, source: Photo) -> Work:
    """One of the persona's own photographs, unchanged: ingest has checked it."""
    return Work(
        id=item_id(persona, source.entry.source, None),
        key=item_key("keep", VERSION, {}, [source.entry.sha256]),
        make=lambda: Made(files={IMAGE: source.path.read_bytes()}, record={}),
    )


def judged(outcome: Outcome, target: Photo, bench: SwapBench) -> Outcome:
    """The outcome of `swap_work` under today's thresholds: the item, or the refusal."""
    if outcome.item is None:
        return outcome
    try:
        _scores(outcome.item, target, bench)
    except InputError as error:
        return replace(outcome, item=None, failure=failure_of(outcome.work.id, error))
    return outcome


def swap_entry(
    persona: str, source: Photo, target: Photo, item: Item, bench: SwapBench
) -> tuple[Entry, dict[str, str]]:
    """A swap's manifest line: rated as the worst of both photos and the result."""
    record = item.record
    own = rating(record["explicit"], review_explicit=bench.review_explicit, max_explicit=bench.max_explicit)
    word = "sfw" if {source.entry.rating, target.entry.rating, own} == {"sfw"} else "review"
    name = image_name(persona, source.entry.source, target.entry.target, word, "swapped", "png")
    face = {key: record["face"][key] for key in FaceEntry.model_fields if key != "age_years"}
    entry = Entry(
        id=item_id(persona, source.entry.source, target.entry.target),
        file=name,
        sha256=item.files[IMAGE].sha256,
        width=target.entry.width,
        height=target.entry.height,
        source=source.entry.source,
        target=target.entry.target,
        rating=word,
        faces=(FaceEntry(**face, age_years=None),),
        provider=bench.provider,
        cost_usd=float(record.get("cost_usd", 0.0)),
        parents=(source.entry.sha256, target.entry.sha256),
        scores={**_scores(item, target, bench), "explicit": record["explicit"]},
    )
    return entry, {name: IMAGE}


def keep_entry(persona: str, source: Photo, item: Item) -> tuple[Entry, dict[str, str]]:
    """The manifest line of a source photo that goes down the same way."""
    name = image_name(persona, source.entry.source, None, source.entry.rating, "swapped", "png")
    update = {
        "file": name,
        "sha256": item.files[IMAGE].sha256,
        "provider": "none",
        "parents": (source.entry.sha256,),
        "origin": None,
    }
    return source.entry.model_copy(update=update), {name: IMAGE}


def _scores(item: Item, target: Photo, bench: SwapBench) -> dict[str, float]:
    embedding = from_json(item.record["face"]).embedding
    return judge_swap(embedding, persona=bench.persona, target=target.face.embedding, rules=bench.rules)


def _swap(source: Photo, target: Photo, bench: SwapBench) -> Made:
    swapped = bench.swapper.swap(source.portrait(), target.portrait())
    measured = measure_swap(
        swapped.rgb, target.face, analyzer=bench.analyzer, rater=bench.rater, max_explicit=bench.max_explicit
    )
    record: dict[str, Json] = {
        "explicit": round(measured.explicit, 4),
        "face": to_json(measured.face),
        "cost_usd": swapped.cost_usd,
    }
    return Made(files={IMAGE: encode_png(swapped.rgb)}, record=record)
