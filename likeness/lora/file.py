# pyright: basic
# (torch is typed in part)
"""A LoRA file of any trainer: its tensors, and whether its layers are whole, before any base is known or loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from likeness.aligned import align_tensors
from likeness.errors import InputError, without_control
from likeness.lora.form import check_parts, read_alpha, wide, without_mid
from likeness.lora.keys import MAGNITUDE, MID, REMEDY, by_layer, part_of, peft_form
from likeness.lora.safetensors_io import MAX_SHOWN, PEFT_CONFIG, find_weights, read_header


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
            torch.empty(1, dtype=kind).to(
                torch.complex128
            )  # torch keeps some types that it cannot compute with
    except (SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"{path} holds a tensor that torch does not read: {error}", reason="not-safetensors",
                         remedy="download or export it again") from error  # fmt: skip
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


def refuse_broken(file: LoraFile) -> None:
    """Refuse tensors that are no LoRA's, and layers that are not whole: whatever base they are of, no library need be loaded.

    Raises:
        InputError: `lora-names`, `lora-tensors`.
    """
    for name, parts in by_layer(file.tensors).items():
        whole_layer(name, parts)
