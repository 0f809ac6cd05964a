# pyright: basic
# (torch is typed in part)
"""A LoRA file of any trainer: its tensors, whether its layers are whole, and their form, before any base is known or loaded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from likeness.aligned import align_tensors
from likeness.errors import InputError, without_control
from likeness.lora.keys import MAGNITUDE, MID, REMEDY, by_layer, part_of, peft_form
from likeness.lora.safetensors_io import MAX_SHOWN, NAMES_SHOWN, PEFT_CONFIG, find_weights, read_header

# What a kind's layer is made of.
WHOLE = (
    {"lora_A.weight", "lora_B.weight"},
    {"lora_A.weight", "lora_B.weight", "lora_magnitude_vector.weight"},
    {"lokr_w1", "lokr_w2"},
    {"lokr_w1", "lokr_w2_a", "lokr_w2_b"},
)


def read_alpha(name: str, tensor: Tensor) -> float:
    """A layer's alpha; InputError `lora-tensors` where it is not one finite number."""
    if tensor.numel() != 1 or tensor.is_complex() or not tensor.double().isfinite().all():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise _wrong(f"{name}.alpha is {list(tensor.shape)} of {kind} and not one finite number")
    return float(tensor.double())


def wide(name: str, tensor: Tensor) -> Tensor:
    """A tensor of the layer in float32; InputError `lora-tensors` where it holds packed weights."""
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise _wrong(f"a tensor of {name} is {kind}: packed weights are not read")
    return tensor.float()


def check_parts(name: str, parts: Mapping[str, Tensor]) -> None:
    """Refuse a layer that lacks a tensor, or whose tensors do not fit each other: InputError `lora-tensors`."""
    if MAGNITUDE in parts and set(parts) - {MAGNITUDE} in WHOLE[2:]:
        raise _wrong(f"{name} is a LoKr with magnitudes (LyCORIS' dora_wd), which is not read here", KEEP)
    if set(parts) not in WHOLE:
        raise _wrong(f"{name} has {', '.join(sorted(parts)) or 'an alpha'} alone")
    low = min(tensor.ndim for tensor in parts.values())
    if low < 1 or any(not tensor.numel() for tensor in parts.values()):
        raise _wrong(f"{name} has {'a number' if low < 1 else 'nothing'} where a matrix belongs")
    pair = ("lora_A.weight", "lora_B.weight") if "lora_A.weight" in parts else ("lokr_w2_b", "lokr_w2_a")
    if pair[0] in parts:
        down, up = parts[pair[0]], parts[pair[1]]
        if min(down.ndim, up.ndim) < 2 or len(down) != up.shape[1]:
            raise _wrong(f"{name} has matrices of {list(down.shape)} and {list(up.shape)}, of no common rank")
        magnitude = parts.get("lora_magnitude_vector.weight")
        if magnitude is not None and magnitude.numel() != len(up):
            what = f"{magnitude.numel()} magnitudes of {len(up)} outputs"
            raise _wrong(f"{name} has {what} (LyCORIS without wd_on_output)", KEEP)


def without_mid(name: str, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A LoRA of three tensors as one of two: the kernel [r,r,height,width] in the midst goes into the lower matrix."""
    mid, down = parts[MID], parts.get("lora_A.weight")
    if down is None or mid.ndim != 4 or down.ndim not in (2, 4) or mid.shape[:2] != (len(down), len(down)):
        raise _wrong(f"{name} has a {MID} of {list(mid.shape)} that fits no lower matrix")
    lower = torch.einsum("rsij,sc->rcij", mid, down.flatten(1))
    return {key: tensor for key, tensor in parts.items() if key != MID} | {"lora_A.weight": lower}


def thirds(name: str, parts: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The tensors of each of three layers that the original code has as one: their outputs follow one another.

    Raises:
        InputError: `lora-tensors`: the outputs are no three times as many.
    """
    outputs = ("lora_B.weight", "lora_magnitude_vector.weight", "lokr_w1")
    split = {key: tensor for key, tensor in parts.items() if key in outputs}
    if any(len(tensor) % 3 or tensor.ndim > 2 for tensor in split.values()):
        kind = ": a LoKr's blocks span them" if "lokr_w1" in parts else ""
        what = f"query, key and value in one, and its tensors do not fall into three{kind}"
        raise _wrong(f"{name} is {what}", KEEP)
    chunks = {key: tensor.chunk(3) for key, tensor in split.items()}
    return [dict(parts) | {key: three[place] for key, three in chunks.items()} for place in range(3)]


def in_form(name: str, parts: Mapping[str, Tensor], layer: Any) -> Mapping[str, Tensor]:
    """The tensors of a LoRA or DoRA as `layer` has them: matrices for a linear layer, [.., height, width] for a convolution.

    A convolution of one pixel is a matrix to some trainers and bases and a convolution to others: SD 1.5's `proj_in` is one,
    SDXL's is a matrix. Readers such as ComfyUI take either for either.

    Raises:
        InputError: `lora-tensors`: a kernel of another size than the layer's.
    """
    if "lora_A.weight" not in parts:
        return parts
    layer = getattr(layer, "base_layer", layer)
    kernel = tuple(layer.kernel_size) if isinstance(layer, nn.Conv2d) else ()
    down, up = parts["lora_A.weight"], parts["lora_B.weight"]
    pixels, given = math.prod(kernel), math.prod(down.shape[2:])
    fits = given == pixels or (down.ndim == 2 and not down.shape[1] % pixels)
    if not fits or {down.ndim, up.ndim} - {2, 4} or math.prod(up.shape[2:]) != 1:
        raise _wrong(
            f"{name} has matrices of {list(down.shape)} and {list(up.shape)}, which fit no "
            f"{'convolution of ' + ' x '.join(map(str, kernel)) if kernel else 'linear layer'}"
        )
    formed = {
        "lora_A.weight": down.reshape(len(down), down[0].numel() // pixels, *kernel),
        "lora_B.weight": up.reshape(*up.shape[:2], *(1 for _ in kernel)),
    }
    if (magnitude := parts.get("lora_magnitude_vector.weight")) is not None:
        formed["lora_magnitude_vector.weight"] = magnitude.reshape((1, -1, 1, 1) if kernel else (-1,))
    return formed


KEEP = "keep the file as it is: ComfyUI reads it"


def _wrong(why: str, remedy: str = "download or export the file again") -> InputError:
    return InputError(why, reason="lora-tensors", remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class LoraFile:
    """A file's tensors and metadata; `config` is adapter_config.json of a folder that PEFT wrote."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    config: Mapping[str, Any] | None


def read_file(source: Path) -> LoraFile:
    """A .safetensors file, or a folder of PEFT's.

    Raises:
        InputError: `missing-file`, `not-safetensors`.
    """
    path, config = find_weights(source)
    metadata = read_header(path).metadata
    try:
        tensors = align_tensors(load_file(path))
        for kind in {tensor.dtype for tensor in tensors.values()}:
            # torch keeps some types that it cannot compute with.
            torch.empty(1, dtype=kind).to(torch.complex128)
    except (SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} holds a tensor that torch does not read: {error}",
            reason="not-safetensors",
            remedy="download or export it again",
        ) from error
    _check_config(source, config or {}, tensors)
    return LoraFile(tensors=tensors, metadata=metadata, config=config)


def _check_config(source: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Refuse a folder whose adapter_config.json is of another adapter than its tensors are."""
    kind = config.get("peft_type", "LORA")
    dora = config.get("use_dora") and not any((part_of(name) or ("", ""))[1] == MAGNITUDE for name in tensors)
    if kind not in ("LORA", "LOKR") or dora:
        what = "a DoRA, and it holds no magnitudes" if dora else f"a {without_control(str(kind))[:MAX_SHOWN]}"
        raise InputError(f"{source} is {what} by its {PEFT_CONFIG}", reason="lora-names", remedy=REMEDY)


def whole_layer(name: str, parts: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float | None]:
    """A layer's tensors by PEFT's names, in float32, and its alpha; InputError `lora-tensors` where they are not whole."""
    alpha = read_alpha(name, parts["alpha"]) if "alpha" in parts else None
    read = {key: peft_form(key, wide(name, tensor)) for key, tensor in parts.items() if key != "alpha"}
    if MID in read:
        read = without_mid(name, read)
    check_parts(name, read)
    return read, alpha


def refuse_endless(file: LoraFile) -> None:
    """Refuse numbers that are infinite or not a number: InputError `lora-tensors`. They draw black pictures and teach nothing."""
    if broken := [name for name, one in file.tensors.items() if not one.double().isfinite().all()]:
        raise _wrong(
            f"{len(broken)} tensors have numbers that are infinite or not a number ({', '.join(broken[:NAMES_SHOWN])})",
            "take an earlier checkpoint",
        )


def refuse_broken(file: LoraFile) -> None:
    """Refuse tensors that are no LoRA's, and layers that are not whole: whatever base they are of, no library need be loaded.

    Raises:
        InputError: `lora-names`, `lora-tensors`.
    """
    for name, parts in by_layer(file.tensors).items():
        whole_layer(name, parts)
