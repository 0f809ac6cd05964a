"""A pair, or a source photo that goes down the same way, as a unit of work."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likeness.batch import Made, Work
from likeness.errors import InputError
from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face, FaceAnalyzer, from_json
from likeness.images import encode_png, load_rgb
from likeness.items import Item, Json, item_key, sha256_bytes
from likeness.manifest import Entry, FaceEntry
from likeness.naming import image_name, item_id
from likeness.safety.postcondition import SwapRules, check_swap
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.swap import Portrait, Swapper
from likeness.swap.glasses import bridge_contrast

# Raised when the same pair and provider would give another item (the provider has a version of its own).
VERSION = 1
IMAGE = "image.png"


@dataclass(frozen=True, kw_only=True)
class Photo:
    """An ingested photo: its manifest line, where it lies, and the face that is meant."""

    entry: Entry
    path: Path
    face: Face

    @staticmethod
    def read(entry: Entry, folder: Path) -> "Photo":
        """The photo of a manifest line with its face, which ingest wrote beside it."""
        face = from_json(json.loads((folder / f"{entry.id}.face.json").read_bytes()))
        return Photo(entry=entry, path=folder / entry.file, face=face)

    def portrait(self) -> Portrait:
        """The pixels, read when they are needed: a thousand photos don't fit into memory."""
        return Portrait(rgb=load_rgb(self.path), face=self.face)


@dataclass(frozen=True, kw_only=True)
class SwapBench:
    """Everything that is the same for all pairs of a run."""

    swapper: Swapper
    settings: Mapping[str, Any]
    persona: NDArray[np.float32]
    rules: SwapRules
    max_bridge_contrast: float
    analyzer: FaceAnalyzer
    rater: Rater


def swap_work(persona: str, source: Photo, target: Photo, bench: SwapBench) -> Work:
    """One pair: swap, check, keep."""
    settings: dict[str, Json] = {
        "provider": dict(bench.settings),
        "provider_version": bench.swapper.version,
        "faces": [FACES_VERSION, MODELS_DIGEST, RATER_DIGEST],
        "rules": asdict(bench.rules),
        "max_bridge_contrast": bench.max_bridge_contrast,
        "persona": sha256_bytes(np.round(bench.persona, 6).astype("<f4").tobytes()),
    }
    inputs = [source.entry.sha256, target.entry.sha256]
    return Work(
        id=item_id(persona, source.entry.source, target.entry.target),
        key=item_key("swap", VERSION, settings, inputs),
        make=partial(_swap, source, target, bench),
    )


def keep_work(persona: str, source: Photo) -> Work:
    """One of the persona's own photographs, unchanged: ingest has checked it."""
    return Work(
        id=item_id(persona, source.entry.source, None),
        key=item_key("keep", VERSION, {}, [source.entry.sha256]),
        make=lambda: Made(files={IMAGE: source.path.read_bytes()}, record={}),
    )


def swap_entry(
    persona: str, source: Photo, target: Photo, item: Item, provider: str
) -> tuple[Entry, dict[str, str]]:
    """A swap's manifest line: rated as the worst of both photos and the result."""
    record = item.record
    ratings = {source.entry.rating, target.entry.rating, record["rating"]}
    word = "review" if "review" in ratings else "sfw"
    name = image_name(persona, source.entry.source, target.entry.target, word, "swapped", "png")
    entry = target.entry.model_copy(
        update={
            "id": item_id(persona, source.entry.source, target.entry.target),
            "file": name,
            "sha256": item.files[IMAGE].sha256,
            "source": source.entry.source,
            "rating": word,
            "faces": (FaceEntry.model_validate(record["face"]),),
            "provider": provider,
            "cost_usd": float(record.get("cost_usd", 0.0)),
            "parents": (source.entry.sha256, target.entry.sha256),
            "scores": record["scores"],
            "origin": None,
        }
    )
    return entry, {name: IMAGE}


def keep_entry(persona: str, source: Photo, item: Item) -> tuple[Entry, dict[str, str]]:
    """The manifest line of a source photo that goes down the same way."""
    name = image_name(persona, source.entry.source, None, source.entry.rating, "swapped", "png")
    update = {"file": name, "sha256": item.files[IMAGE].sha256, "provider": "none", "parents": (source.entry.sha256,),
              "origin": None}  # fmt: skip
    return source.entry.model_copy(update=update), {name: IMAGE}


def _swap(source: Photo, target: Photo, bench: SwapBench) -> Made:
    portraits = source.portrait(), target.portrait()
    for photo, portrait in zip((source, target), portraits, strict=True):
        contrast = bridge_contrast(portrait.rgb, portrait.face)
        if contrast > bench.max_bridge_contrast:
            raise InputError(f"{photo.entry.id} seems to wear glasses (bridge contrast {contrast:.2f}, "
                             f"{bench.max_bridge_contrast:g} allowed)", reason="glasses", kind="skipped",
                             remedy="use a photo without glasses, or raise swap.limits.max_bridge_contrast")  # fmt: skip
    rgb = bench.swapper.swap(*portraits)
    checked = check_swap(rgb, persona=bench.persona, target=target.face.embedding, rules=bench.rules,
                         analyzer=bench.analyzer, rater=bench.rater)  # fmt: skip
    face = checked.face
    scores = {"to_persona": checked.to_persona, "to_target": checked.to_target, "explicit": checked.explicit}
    record: dict[str, Json] = {
        "rating": checked.rating,
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "face": {
            "box_px": [round(value, 2) for value in face.box_px],
            "score": round(face.score, 4),
            "yaw_deg": round(face.yaw_deg, 2),
            "pitch_deg": round(face.pitch_deg, 2),
            "sharpness": round(face.sharpness, 4),
            "age_years": None,
        },
    }
    return Made(files={IMAGE: encode_png(rgb)}, record=record)
