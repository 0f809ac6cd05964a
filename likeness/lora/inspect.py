"""What a LoRA file of any trainer is and says: read from its header, without torch and without a base.

What its tensors are is told as a fact, what its metadata says as what it says. A stranger's file is not trusted: the
header is checked before anything is read (safetensors_io.read_header), and nothing in it is executed.
"""

import math
import mmap
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from likeness.digests import sha256_bytes
from likeness.errors import InputError, on_terminal
from likeness.lora.family import family_of_shapes, may_mean
from likeness.lora.keys import NOT_READ, of_inputs, part_of, said_base, size_of
from likeness.lora.safetensors_io import NAMES_SHOWN, Header, find_weights, read_header
from likeness.lora.scale import read_scales
from likeness.lora.values import FLOATS, not_finite_in, number_in

# Kinds by a part of the names of their tensors.
VARIANTS = {
    "lokr_w1": "LoKr",
    **NOT_READ,
    "lora_magnitude": "DoRA",
    "dora_scale": "DoRA",
    ".magnitude": "DoRA",
}
# By starts of names, dots as underscores.
PARTS = (
    ("text encoder 2", ("lora_te2_", "text_encoder_2_", "clip_g_")),
    ("text encoder", ("lora_te_", "lora_te1_", "text_encoder_", "clip_l_")),
    ("UNet", ("diffusion_model_input_", "diffusion_model_middle_", "diffusion_model_output_")),
    ("transformer", ("lora_transformer_", "transformer_", "diffusion_model_", "lora_unet_double_", "lora_unet_single_",
                     "lora_unet_layers_")),
    ("UNet", ("lora_unet_", "unet_", "base_model_model_", "down_blocks_", "mid_block_", "up_blocks_")),
)  # fmt: skip
NOTHING = sha256_bytes(b"")  # ai-toolkit records this for any file


@dataclass(frozen=True, kw_only=True)
class LoraFile:
    """One file. `layers` are counted by part, `ranks` by rank, and `scales` as readers apply them (scale.py).

    `family` is what the shapes say, else what the metadata say, which is also in `says`. `not_finite` counts numbers that
    are infinite or none; `hash_matches` is None where the file records no hash, or that of nothing.
    """

    path: Path
    sha256: str
    size_bytes: int
    naming: str
    variant: str
    family: str | None
    says: str | None
    layers: dict[str, int]
    ranks: dict[int, int]
    scales: dict[float, int]
    types: dict[str, int]
    parameters: int
    not_finite: int
    hash_matches: bool | None
    problems: tuple[str, ...]
    metadata: dict[str, str] = field(repr=False)


def read_lora(path: Path) -> LoraFile:
    """Read a .safetensors file, or a folder that PEFT wrote.

    Raises:
        InputError: `missing-file`, `not-safetensors`, or `no-lora`: no key is a LoRA's.
    """
    path, config = find_weights(path)
    header = read_header(path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _describe(path, header, data, config)


def _describe(path: Path, header: Header, data: mmap.mmap, config: Mapping[str, Any] | None) -> LoraFile:
    entries, metadata = header.entries, header.metadata
    layers: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, entry in entries.items():
        if found := part_of(name):
            layers.setdefault(found[0], {})[found[1]] = entry
    variant = next((kind for part, kind in VARIANTS.items() if any(part in name for name in entries)), "LoRA")
    weighed = {name: parts for name, parts in layers.items() if parts.keys() - {"alpha"}}
    names = sorted(weighed) or sorted({name.rsplit(".", 1)[0] for name in entries if variant != "LoRA"})
    if not names:
        raise InputError(
            f"{path} holds {len(entries)} tensors, none of a LoRA: {', '.join(map(_short, sorted(entries)[:NAMES_SHOWN])) or '-'}",
            reason="no-lora",
            remedy="a whole model or another adapter is not read here; give a LoRA's file",
        )
    sizes = {
        name: size_of({part: entry["shape"] for part, entry in parts.items()})
        for name, parts in weighed.items()
    }
    ranks = {name: rank for name, (rank, *_) in sizes.items() if rank is not None}
    alphas = {
        name: value
        for name, parts in layers.items()
        if "alpha" in parts
        if (value := number_in(data, parts["alpha"], header.start)) is not None
    }
    scaled = {name: rank for name, (rank, *_) in sizes.items() if rank or "lokr_w1" in weighed[name]}
    scales = read_scales(scaled, alphas, metadata, config)
    not_finite = sum(not_finite_in(data, entry, header.start) for entry in entries.values())
    recorded = metadata.get("sshs_model_hash")
    known = recorded if recorded != NOTHING else None
    matches = sha256_bytes(memoryview(data)[header.start :]) == known if known else None
    says = said_base(metadata, config)
    shapes = family_of_shapes({name: size[1:] for name, size in sizes.items()}, says)
    return LoraFile(
        path=path,
        sha256=sha256_bytes(data),
        size_bytes=len(data),
        naming=_naming(names),
        variant=variant,
        family=says if shapes is None or may_mean(says, shapes) else shapes,
        says=says,
        layers=dict(Counter(map(_part, names))),
        ranks=dict(Counter(ranks.values())),
        scales=dict(
            Counter(
                math.nan if math.isnan(scale) else float(f"{scale:.6g}") for scale in scales.by_layer.values()
            )
        ),
        types=dict(Counter(entry["dtype"] for entry in entries.values())),
        parameters=sum(
            math.prod(entry["shape"]) for name, entry in entries.items() if not name.endswith(".alpha")
        ),
        not_finite=not_finite,
        hash_matches=matches,
        metadata=metadata,
        problems=tuple(
            _problems(entries, weighed, alphas, layers if weighed else {}, not_finite, shapes, says)
        )
        + scales.problems
        + tuple(_about_hash(metadata, matches)),
    )


def _problems(
    entries: Mapping[str, Mapping[str, Any]],
    weighed: Mapping[str, Mapping[str, Mapping[str, Any]]],
    alphas: Mapping[str, float],
    layers: Mapping[str, Mapping[str, Any]],
    not_finite: int,
    shapes: str | None,
    says: str | None,
) -> Iterable[str]:
    """What a person should know before using the file."""
    if not_finite:
        yield f"{not_finite:,} numbers are infinite or none: it draws black pictures; take an earlier checkpoint"
    if shapes is not None and says and not may_mean(says, shapes):
        yield f"its metadata say {_short(says)}, and its shapes are those of {shapes}: trust the shapes"
    pairs = {
        name: (parts["lora_A.weight"]["shape"], parts["lora_B.weight"]["shape"])
        for name, parts in weighed.items()
        if {"lora_A.weight", "lora_B.weight"} <= parts.keys()
    }
    others = {name.rpartition(".")[0]: name for name in entries if weighed and part_of(name) is None}
    if others:
        yield (
            f"{len(others)} layer(s) have tensors that are none of a LoRA's, DoRA's or LoKr's, and `likeness convert` refuses them: "
            f"{', '.join(map(_short, sorted(others.values())[:NAMES_SHOWN]))}"
        )
    faults = {
        "lack one of their two matrices": [
            name
            for name, parts in weighed.items()
            if len({"lora_A.weight", "lora_B.weight"} & parts.keys()) == 1
        ],
        "have a number where a matrix belongs": [
            name for name, pair in pairs.items() if min(map(len, pair)) < 2
        ],
        "have nothing in a matrix and do nothing": [
            name for name, pair in pairs.items() if min(map(len, pair)) > 1 and 0 in (*pair[0], *pair[1])
        ],
        "have matrices of no common rank": [
            name for name, pair in pairs.items() if min(map(len, pair)) > 1 and pair[0][0] != pair[1][1]
        ],
        "have an alpha that is not one finite number": [
            name for name, parts in layers.items() if "alpha" in parts and name not in alphas
        ],
        "have magnitudes of their inputs, which diffusers' DoRA has not": [
            name.removesuffix(".dora_scale")
            for name, entry in entries.items()
            if name.endswith(".dora_scale") and of_inputs(entry["shape"])
        ],
        "have an alpha and no weights": sorted(layers.keys() - weighed.keys() - others.keys()),
        "hold no real numbers but other or packed ones, which no LoRA reader unpacks": [
            name
            for name, parts in weighed.items()
            if any(entry["dtype"] not in FLOATS for part, entry in parts.items() if part != "alpha")
        ],
    }
    for fault, names in faults.items():
        if names:
            yield f"{len(names)} layer(s) {fault}: {', '.join(map(_short, sorted(names)[:NAMES_SHOWN]))}"


def _about_hash(metadata: Mapping[str, str], matches: bool | None) -> Iterable[str]:
    if matches is False:
        own = any(key.startswith("likeness.") for key in metadata)
        other = "" if own else ", or its trainer hashes something else"
        yield f"the weights are not those that its own hash was made of: it was changed after training{other}"


def _naming(names: list[str]) -> str:
    if any(re.search(r"_(?:input|middle|output)_blocks?_", name) for name in names):
        return "Kohya, with the base's original names of layers (ComfyUI, A1111, diffusers)"
    if any(name.startswith("lora_") for name in names):
        return "Kohya (ComfyUI, A1111, diffusers)"
    if any(name.startswith("diffusion_model.") for name in names):
        return "diffusion_model (ComfyUI, diffusers)"
    return "PEFT" if any(name.startswith("base_model.model.") for name in names) else "diffusers"


def _part(name: str) -> str:
    flat = name.replace(".", "_").removeprefix("model_")
    return next((part for part, starts in PARTS if flat.startswith(starts)), "other")


def _short(text: str) -> str:
    return on_terminal(text)[:80]
