"""Kohya's folder layout: which image goes where, how often it is repeated, and the files that say so.

Source: sd-scripts, docs/train_README and config_README (dataset TOML), read 2026-11.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from likeness.dataset import KohyaConfig
from likeness.pipeline.manifest import Entry

# What the larger group of images gets under `balanced`; Kohya's own examples use 10 to 20.
BALANCED_REPEATS = 10


def group_of(entry: Entry) -> str:
    """`photographs` for the persona's own pictures, `swaps` for the others."""
    return "photographs" if entry.target is None else "swaps"


def repeats_of(entries: Sequence[Entry], repeats: int | Literal["balanced"]) -> dict[str, int]:
    """Repeats by group: the same for all, or such that both groups are seen (nearly) equally often."""
    sizes = Counter(group_of(entry) for entry in entries)
    if repeats != "balanced":
        return dict.fromkeys(sizes, repeats)
    largest = max(sizes.values(), default=0)
    return {group: round(BALANCED_REPEATS * largest / size) for group, size in sizes.items()}


def image_dir(repeats: int, trigger: str, class_word: str) -> str:
    """`train/10_jade woman`: where Kohya's trainers look for images they repeat 10 times."""
    return f"train/{repeats}_{trigger} {class_word}"


def kohya_toml(dirs: Mapping[str, int], *, class_tokens: str, options: KohyaConfig) -> str:
    """dataset.toml for folders {path: repeats}; with it a trainer ignores the folder names."""
    lines = [
        "# For sd-scripts: --dataset_config dataset.toml, run from this folder.",
        "[general]",
        'caption_extension = ".txt"',
        f"shuffle_caption = {_toml(options.shuffle_caption)}",
        f"keep_tokens = {options.keep_tokens}",
        "",
        "[[datasets]]",
        f"resolution = [{options.resolution_px}, {options.resolution_px}]",
        f"batch_size = {options.batch_size}",
        "enable_bucket = true",
        f"bucket_reso_steps = {options.bucket_reso_steps}",
    ]
    for path, repeats in sorted(dirs.items()):
        lines += [
            "",
            "  [[datasets.subsets]]",
            f"  image_dir = {_toml(path)}",
            f"  class_tokens = {_toml(class_tokens)}",
            f"  num_repeats = {repeats}",
        ]
    return "\n".join(lines) + "\n"


def metadata_line(image: Entry, repeats: int) -> str:
    """A line of metadata.jsonl as Hugging Face's `imagefolder` reads it (file_name, text), with our own fields: how often an
    epoch shows the image, and where the face is: its box (x, y, width, height in the image's pixels) and, where known,
    the corners (x, y) of its outline."""
    face = image.faces[0] if image.faces else None
    values = {
        "file_name": image.file,
        "text": image.text or "",
        "sha256": image.sha256,
        "id": image.id,
        "source": image.source,
        "target": image.target,
        "rating": image.rating,
        "repeats": repeats,
        "face_box_px": face and face.box_px,
        "parents": image.parents,
    }
    if face and face.outline_px:
        values["face_outline_px"] = face.outline_px
    return json.dumps(values, ensure_ascii=False)


def _toml(value: str | bool) -> str:
    # TOML's basic strings and booleans are written as JSON's.
    return json.dumps(value)
