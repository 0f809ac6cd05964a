# pyright: basic
# (torch and diffusers are typed in part)
"""A finished LoRA file under other names or in a smaller type; what it says about itself stays, its hashes are new.

The file's layers are found in the families' own lists of layers, counted in and out, and the result is loaded into a base
without numbers and compared before anybody gets it.
"""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from likeness.diffusion.bases import MISFIT, Base
from likeness.diffusion.load import silence_libraries
from likeness.errors import InputError, LikenessError
from likeness.formatting import percent
from likeness.lora.adapter import remove_lora
from likeness.lora.file import KEEP, read_file, refuse_broken
from likeness.lora.keys import (
    EXACT,
    MAGNITUDE,
    REMEDY,
    SCALED,
    diffusers_tensors,
    file_settings,
    file_tensors,
    part_of,
    rank_of,
    unread_by_comfyui,
)
from likeness.lora.layers import LoraLayers, fitted
from likeness.lora.load import compare, load_lora
from likeness.lora.read import compare_sizes, family_layers
from likeness.lora.safetensors_io import described_bytes
from likeness.lora.scale import ADAPTER_METADATA, say_scale

Names = Literal["kohya", "diffusers"]
# How far the numbers of a tensor may be from what they were, as a share of their norm: bfloat16 rounds by .2 %.
LOSS = 0.01


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The file's bytes, and what a person should know: the base's name, layers, and notes."""

    data: bytes
    base: str | None
    layers: int
    notes: tuple[str, ...]


def convert(source: Path, *, to: Names | None, dtype: torch.dtype | None) -> Converted:
    """A file, or a folder of PEFT's, with other names or another type; None keeps what it has.

    Raises:
        InputError: `missing-file`, `not-safetensors`; `lora-names`, `lora-tensors`: a layer or tensor is not known here, or
            broken; `lora-narrow`: the type cannot hold the numbers; `lora-convert`: the result does not load.
    """
    file = read_file(source)
    tensors, metadata = file.tensors, dict(file.metadata)
    if to:
        refuse_broken(file)
    floats = {
        tensor.dtype
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and (found := part_of(name)) and found[1] not in EXACT
    }
    if not floats:
        raise InputError(
            f"{source} holds no numbers of a LoRA: none of a LoRA's tensors is of a floating type",
            reason="no-lora",
            remedy=REMEDY,
        )
    kept = dtype or max(floats, key=lambda one: one.itemsize)
    if to is None:
        layers = {found[0] for name in tensors if (found := part_of(name))}
        data = _bytes(_typed(tensors, kept), metadata)
        return Converted(data=data, base=None, layers=len(layers), notes=())
    silence_libraries()
    base, found = family_layers(file)
    _refuse_some_magnitudes(found)
    _refuse_text_layers(found)
    if to == "kohya":
        named = _kohya(base, found, metadata)
    else:
        plain = diffusers_tensors(found.layers, found.scales)
        named = {_text_level(base, name): tensor for name, tensor in plain.items()}
        _describe_diffusers(found, named, base, metadata)
    typed = _typed(named, kept)
    data = _bytes(typed, metadata)
    _prove(data, base, found, kept)
    notes = [*found.problems]
    if others := len(found.layers) - compare_sizes(base, found):
        notes.append(
            f"{others} of {len(found.layers)} layers do not have the published {base.TITLE}'s sizes: the LoRA is for another base "
            "with the same layer names"
        )
    if unread := unread_by_comfyui(typed):
        notes.append(
            f"ComfyUI does not look for {unread} of the {len(typed)} tensors under diffusers' names, those of attention: "
            "for ComfyUI use --to kohya"
        )
    return Converted(data=data, base=base.TITLE, layers=len(found.layers), notes=tuple(notes))


def _refuse_some_magnitudes(found: LoraLayers) -> None:
    by_part: dict[str, list[bool]] = {}
    for layer, parts in found.layers.items():
        by_part.setdefault(layer.partition(".")[0], []).append(MAGNITUDE in parts)
    for part, with_magnitude in by_part.items():
        if 0 < sum(with_magnitude) < len(with_magnitude):
            raise InputError(
                f"{sum(with_magnitude)} of {len(with_magnitude)} layers of the {part} have magnitudes (DoRA) and the others none: "
                "diffusers gives them to all layers of a part, or to none",
                reason="lora-tensors",
                remedy="keep the file as it is",
            )


def _refuse_text_layers(found: LoraLayers) -> None:
    """diffusers 0.42 knows a text encoder's LoRA by its attention, and maps no projection behind it."""
    text = [layer for layer in found.layers if layer.startswith("text_encoder")]
    attended = {layer.partition(".")[0] for layer in text if ".self_attn." in layer}
    for layer in text:
        part = layer.partition(".")[0]
        if part not in attended or layer.endswith("text_projection"):
            whole = f"a LoRA of the {part} that leaves out its attention ({layer})"
            what = layer if part in attended else whole
            raise InputError(f"diffusers does not load {what}", reason="lora-convert", remedy=KEEP)


def _kohya(base: Base, found: LoraLayers, metadata: dict[str, str]) -> dict[str, Tensor]:
    """One alpha above zero for all, what differs in the upper matrices: diffusers 0.42 reads no others (`load_plain`)."""
    tensors: dict[str, Tensor] = {}
    ranks = {layer: rank_of(parts) for layer, parts in found.layers.items()}
    alphas = {layer: found.scales.get(layer, 1.0) * (rank or 1) for layer, rank in ranks.items()}
    common = abs(Counter(alphas.values()).most_common(1)[0][0]) or 1.0
    for layer, parts in found.layers.items():
        share = alphas[layer] / common if ranks[layer] else found.scales.get(layer, 1.0)
        scaled = {part: tensor * share if part in SCALED else tensor for part, tensor in parts.items()}
        tensors |= file_tensors(type(base), layer, scaled, common)
    metadata.pop(ADAPTER_METADATA, None)
    if base.FILE_ALPHA:
        metadata["ss_network_alpha"] = str(common)
    say_scale(metadata, common if base.FILE_ALPHA else None, {*ranks.values()})
    return tensors


def _text_level(base: Base, name: str) -> str:
    """A text encoder's tensor as all readers of diffusers' names know it, with the level that transformers 5 left out."""
    part, _, layer = name.partition(".")
    return name if part == base.NETWORK else f"{part}.text_model.{layer.removeprefix('text_model.')}"


def _describe_diffusers(
    found: LoraLayers, named: Mapping[str, Tensor], base: Base, metadata: dict[str, str]
) -> None:
    metadata.pop(ADAPTER_METADATA, None)
    if settings := file_settings(named, base.NETWORK):
        metadata[ADAPTER_METADATA] = json.dumps(settings)
    # The scale is in the matrices now.
    say_scale(metadata, None, {rank_of(parts) for parts in found.layers.values()})


def _typed(tensors: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    typed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        exact = (part_of(name) or ("", ""))[1] in EXACT or not tensor.is_floating_point()
        narrow = tensor if exact else _narrow(name, tensor, dtype)
        # Layers that were fused share a matrix, and a file has it twice.
        typed[name] = narrow.clone(memory_format=torch.contiguous_format)
    return typed


def _narrow(name: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in a type; InputError `lora-narrow` where the type cannot hold its numbers."""
    wide = tensor.double()
    if broken := int((~wide.isfinite()).sum()):
        raise InputError(
            f"{name} has {broken:,} numbers that are infinite or not a number",
            reason="lora-tensors",
            remedy="take an earlier checkpoint",
        )
    narrow = tensor.to(dtype)
    word = str(dtype).removeprefix("torch.")
    if lost := int((~narrow.double().isfinite()).sum()):
        raise InputError(
            f"{name} reaches {wide.abs().max().item():,.0f}, more than {word} holds ({torch.finfo(dtype).max:,.0f}): "
            f"{lost:,} of its {tensor.numel():,} numbers would be infinite",
            reason="lora-narrow",
            remedy="take --dtype bfloat16 or float32",
        )
    share = ((narrow.double() - wide).norm() / wide.norm()).item() if wide.any() else 0.0
    if not share <= LOSS or math.isnan(share):
        raise InputError(
            f"{name} would lose {percent(share)} of its norm in {word}: its numbers are as small as {wide.abs().max().item():.2g}",
            reason="lora-narrow",
            remedy="take --dtype bfloat16 or float32",
        )
    return narrow


def _bytes(typed: Mapping[str, Tensor], metadata: dict[str, str]) -> bytes:
    def described(sha256: str) -> dict[str, str]:
        return metadata | {
            "sshs_model_hash": sha256,
            "sshs_legacy_hash": sha256[:8],
            "modelspec.hash_sha256": f"0x{sha256}",
        }

    return described_bytes(typed, described)


def _prove(data: bytes, base: Base, found: LoraLayers, dtype: torch.dtype) -> None:
    """Load the result as a base of its own does, and compare it with what was read; InputError `lora-convert`."""
    with fitted(base, found.layers), tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "converted.safetensors")
        file.write_bytes(data)
        try:
            load_lora(base, file)
            precision = max(found.precision, torch.finfo(dtype).eps)
            compare(replace(found, precision=precision), base)
        except (LikenessError, *MISFIT) as error:
            raise InputError(
                f"the converted file does not load as the given one does: {error}",
                reason="lora-convert",
                remedy="keep the file as it is, and report it with its header",
            ) from error
        finally:
            remove_lora(base)
