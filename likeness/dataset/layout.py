"""Kohya's folder layout: which image goes where, how often it is repeated, and the files that say so.

Source: sd-scripts, docs/train_README and config_README (dataset TOML), read 2026-11.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

import tomli_w

from likeness.dataset import KohyaConfig
from likeness.errors import InputError
from likeness.pipeline.manifest import Entry

# The split: what `load_dataset("imagefolder", ...)` and Kohya's trainers look into.
TRAIN = "train"
METADATA, TOML, CARD = f"{TRAIN}/metadata.jsonl", "dataset.toml", "README.md"
WRITTEN_BY_DATASET = (
    "run `dvc repro`: the stage dataset writes this folder; edit captions in captions_override/"
)
# What the larger group of images gets under `balanced`; Kohya's own examples use 10 to 20.
BALANCED_REPEATS = 10


def changed(what: str) -> InputError:
    """The refusal of a training set that is not as the stage wrote it."""
    return InputError(what, reason="dataset-changed", remedy=WRITTEN_BY_DATASET)


def group_of(entry: Entry) -> str:
    """`photographs` for the persona's own pictures, `swaps` for the others."""
    return "photographs" if entry.target is None else "swaps"


def repeats_of(entries: Iterable[Entry], repeats: int | Literal["balanced"]) -> dict[str, int]:
    """Repeats by group: the same for all, or such that both groups are seen (nearly) equally often."""
    sizes = Counter(group_of(entry) for entry in entries)
    if repeats != "balanced":
        return dict.fromkeys(sizes, repeats)
    largest = max(sizes.values(), default=0)
    return {group: round(BALANCED_REPEATS * largest / size) for group, size in sizes.items()}


def image_dir(repeats: int, trigger: str, class_word: str) -> str:
    """`train/10_jade woman`: where Kohya's trainers look for images they repeat 10 times."""
    return f"{TRAIN}/{repeats}_{trigger} {class_word}"


def repeats_in(file: str) -> int:
    """The repeats that an image's folder names: 10 of `train/10_jade woman/a.jpg`."""
    return int(PurePosixPath(file).parent.name.partition("_")[0])


def kohya_toml(dirs: Mapping[str, int], *, class_tokens: str, options: KohyaConfig) -> str:
    """dataset.toml for folders {path: repeats}; with it a trainer ignores the folder names."""
    subsets = [
        {"image_dir": path, "class_tokens": class_tokens, "num_repeats": repeats}
        for path, repeats in sorted(dirs.items())
    ]
    general = {
        "caption_extension": ".txt",
        "shuffle_caption": options.shuffle_caption,
        "keep_tokens": options.keep_tokens,
    }
    dataset = {
        "resolution": [options.resolution_px, options.resolution_px],
        "batch_size": options.batch_size,
        "enable_bucket": True,
        "bucket_reso_steps": options.bucket_reso_steps,
        "subsets": subsets,
    }
    text = tomli_w.dumps({"general": general, "datasets": [dataset]})
    return f"# For sd-scripts: --dataset_config dataset.toml, run from this folder.\n{text}"


def caption_of(file: str) -> str:
    """The caption beside an image."""
    return PurePosixPath(file).with_suffix(".txt").as_posix()


def archived(entries: Sequence[Entry]) -> set[str]:
    """The names of all files of a training set of these images, as the archive has them."""
    images = (entry.file for entry in entries)
    return {name for file in images for name in (file, caption_of(file))} | {METADATA, TOML, CARD}


def metadata_line(image: Entry) -> str:
    """A line of train/metadata.jsonl as Hugging Face's `imagefolder` reads it (file_name, text), with our own fields: how often an
    epoch shows the image, and where the face is: its box (x, y, width, height in the image's pixels) and, where known,
    the corners (x, y) of its outline."""
    face = image.faces[0] if image.faces else None
    values: dict[str, object] = {
        "file_name": PurePosixPath(image.file).relative_to(TRAIN).as_posix(),
        "text": image.text or "",
        "sha256": image.sha256,
        "id": image.id,
        "source": image.source,
        "target": image.target,
        "rating": image.rating,
        "repeats": repeats_in(image.file),
        "face_box_px": face and face.box_px,
        "parents": image.parents,
    }
    if image.allowed_words:
        values["allowed_words"] = image.allowed_words
    if face and face.outline_px:
        values["face_outline_px"] = face.outline_px
    return json.dumps(values, ensure_ascii=False)
