"""Units of work: a pair's swap, and a source photo that goes down the same way; their keys and manifest lines."""

import json
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.faces import FACES_VERSION, MODELS_DIGEST, FaceAnalyzer, from_json, to_json
from likeness.faces.landmarks import outline_px
from likeness.images import encode_png
from likeness.paths import image_name, item_id
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.pipeline.manifest import Entry, FaceEntry
from likeness.safety.gates import rating
from likeness.safety.postcondition import SwapRules, judge_swap, measure_swap
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.store.items import Item, Json, item_key
from likeness.swap import Swapper
from likeness.swap.inputs import Photo

# Raised when the same pair and provider would give another item (the provider has a version of its own).
VERSION = 2
IMAGE = "image.png"


@dataclass(frozen=True, kw_only=True)
class SwapThresholds:
    """What a swap is judged by: the embedding [128] of the persona to reach, cosine thresholds, ratings 0..1."""

    persona: NDArray[np.float32]
    rules: SwapRules
    review_explicit: float
    max_explicit: float

    @staticmethod
    def of(
        persona_json: bytes,
        *,
        swap_min: float,
        target_max: float,
        review_explicit: float,
        max_explicit: float,
    ) -> "SwapThresholds":
        """From ingest's persona.json and the settings."""
        return SwapThresholds(
            persona=np.array(json.loads(persona_json)["embedding"], np.float32),
            rules=SwapRules(to_persona_min=swap_min, to_target_max=target_max),
            review_explicit=review_explicit,
            max_explicit=max_explicit,
        )


@dataclass(frozen=True, kw_only=True)
class SwapContext:
    """Everything that is the same for all pairs of a run: the provider's identity, the swapper at work, and what
    measures its results."""

    identity: dict[str, Json]
    swapper: Swapper
    max_explicit: float
    analyzer: FaceAnalyzer
    rater: Rater


def swap_key(source: Photo, target: Photo, *, identity: dict[str, Json], max_explicit: float) -> str:
    """The key of a pair's swap.

    It holds what decides pixels and measurements. The persona's embedding and the thresholds are not in it: one
    source photo more changes the embedding, and must not swap everything again.
    """
    settings: dict[str, Json] = {
        "provider": identity,
        "models": [FACES_VERSION, MODELS_DIGEST, RATER_DIGEST],
        "max_explicit": max_explicit,
    }
    return item_key("swap", VERSION, settings, [*source.digests, *target.digests])


def swap_work(persona: str, source: Photo, target: Photo, bench: SwapContext) -> Work:
    """One pair: swap, measure, keep."""
    pair = item_id(persona, source.entry.source, target.entry.target)
    return Work(
        id=pair,
        key=swap_key(source, target, identity=bench.identity, max_explicit=bench.max_explicit),
        make=partial(_swap, pair, source, target, bench),
        source=source.entry.source,
        target=target.entry.target,
    )


def keep_key(source: Photo) -> str:
    """The key of a source photo that goes down the same way."""
    return item_key("keep", VERSION, {}, [source.entry.sha256])


def keep_work(persona: str, source: Photo) -> Work:
    """One of the persona's own photographs, unchanged: ingest has checked it."""
    return Work(
        id=item_id(persona, source.entry.source, None),
        key=keep_key(source),
        make=lambda: Made(files={IMAGE: source.path.read_bytes()}, record={}),
        source=source.entry.source,
    )


def judged(outcome: Outcome, target: Photo, standards: SwapThresholds) -> Outcome:
    """The outcome of `swap_work` under today's thresholds: the item, or the refusal."""
    if outcome.item is None:
        return outcome
    try:
        _scores(outcome.item, target, standards)
    except InputError as error:
        return replace(outcome, item=None, failure=outcome.work.failure(error))
    return outcome


def swap_entry(
    persona: str, source: Photo, target: Photo, item: Item, standards: SwapThresholds, *, provider: str
) -> tuple[Entry, dict[str, str]]:
    """A swap's manifest line: rated as the worst of both photos and the result.

    Raises:
        InputError: the swap does not stand up to `standards`.
    """
    record = item.record
    own = rating(
        record["explicit"], review_explicit=standards.review_explicit, max_explicit=standards.max_explicit
    )
    word = "sfw" if {source.entry.rating, target.entry.rating, own} == {"sfw"} else "review"
    name = image_name(persona, source.entry.source, target.entry.target, word, "swapped", "png")
    face = {key: record["face"][key] for key in FaceEntry.model_fields if key in record["face"]}
    outline = outline_px(from_json(record["face"]))
    entry = source.entry.next(
        file=name,
        sha256=item.files[IMAGE].sha256,
        provider=provider,
        id=item_id(persona, source.entry.source, target.entry.target),
        width=target.entry.width,
        height=target.entry.height,
        target=target.entry.target,
        rating=word,
        faces=(FaceEntry(**face, age_years=None, outline_px=outline),),
        cost_usd=float(record.get("cost_usd", 0.0)),
        parents=(source.entry.sha256, target.entry.sha256),
        scores={**_scores(item, target, standards), "explicit": record["explicit"]},
    )
    return entry, {name: IMAGE}


def keep_entry(persona: str, source: Photo, item: Item) -> tuple[Entry, dict[str, str]]:
    """The manifest line of a source photo that goes down the same way, with the outline of the face that is meant."""
    name = image_name(persona, source.entry.source, None, source.entry.rating, "swapped", "png")
    outline = {"outline_px": outline_px(source.face)}
    first = [face.model_copy(update=outline) for face in source.entry.faces[:1]]
    entry = source.entry.next(
        file=name,
        sha256=item.files[IMAGE].sha256,
        provider="none",
        faces=(*first, *source.entry.faces[1:]),
    )
    return entry, {name: IMAGE}


def _scores(item: Item, target: Photo, standards: SwapThresholds) -> dict[str, float]:
    embedding = from_json(item.record["face"]).embedding
    return judge_swap(
        embedding, persona=standards.persona, target=target.face.embedding, rules=standards.rules
    )


def _swap(item: str, source: Photo, target: Photo, bench: SwapContext) -> Made:
    swapped = bench.swapper.swap(source.portrait(), target.portrait(), item=item)
    measured = measure_swap(
        swapped.rgb, target.face, analyzer=bench.analyzer, rater=bench.rater, max_explicit=bench.max_explicit
    )
    record: dict[str, Json] = {
        "explicit": round(measured.explicit, 4),
        "face": to_json(measured.face),
        "cost_usd": swapped.cost_usd,
    }
    return Made(files={IMAGE: encode_png(swapped.rgb)}, record=record)
