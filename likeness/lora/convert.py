"""A finished LoRA file under other names or in a smaller type; what it says about itself stays, its hashes are new."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from likeness.aligned import align_tensors
from likeness.errors import InputError
from likeness.lora.keys import (
    EXACT,
    KOHYA,
    PEFT_RANKED,
    by_layer,
    diffusers_layer,
    diffusers_tensors,
    family_of,
    file_settings,
    file_tensors,
    kohya_prefixes,
    split,
)
from likeness.lora.safetensors_io import content_sha256, read_metadata, weights_bytes

Names = Literal["kohya", "diffusers"]
CONFIG = "lora_adapter_metadata"  # where diffusers keeps PEFT's settings
UNEVEN = ("rank_pattern", "alpha_pattern", "use_rslora")


def convert(data: bytes, *, to: Names | None, dtype: torch.dtype | None) -> bytes:
    """The file's bytes with other names or another type; None keeps what it has.

    Raises:
        InputError: `not-safetensors`, or `lora-names`: its names, or how its layers differ, are not known here.
    """
    try:
        found, metadata = align_tensors(load(data)), read_metadata(data)
    except SafetensorError as error:
        raise InputError(f"the file is no safetensors file: {error}", reason="not-safetensors",
                         remedy="download or export it again") from error  # fmt: skip
    named: Names = "kohya" if all(name.startswith(kohya_prefixes()) for name in found) else "diffusers"
    kept = next(tensor.dtype for name, tensor in found.items() if not _exact(name))
    tensors = {name: tensor.float() for name, tensor in found.items()}
    if to == "diffusers" and named == "kohya":
        tensors = diffusers_tensors(tensors, diffusers_layer)
        if config := file_settings(tensors, next(iter(tensors)).partition(".")[0]):
            metadata[CONFIG] = json.dumps(config)
    elif to == "kohya" and named == "diffusers":
        tensors = _kohya(tensors, json.loads(metadata.pop(CONFIG, "{}")))
        alphas = {tensor.item() for name, tensor in tensors.items() if name.endswith(".alpha")}
        metadata["ss_network_alpha"] = str(alphas.pop()) if len(alphas) == 1 else "Dynamic"
    typed = {
        name: (tensor if _exact(name) else tensor.to(dtype or kept)).contiguous()
        for name, tensor in tensors.items()
    }
    sha256 = content_sha256(typed)
    metadata |= {
        "sshs_model_hash": sha256,
        "sshs_legacy_hash": sha256[:8],
        "modelspec.hash_sha256": f"0x{sha256}",
    }
    return weights_bytes(typed, metadata)


def _kohya(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    if uneven := [key for key, value in config.items() if key.rpartition(".")[2] in UNEVEN and value]:
        raise InputError(f"its layers differ in rank or scale ({', '.join(uneven)}), which is not converted",
                         reason="lora-names", remedy="load it in diffusers as it is")  # fmt: skip
    layers = by_layer(tensors)
    family = family_of(layers)
    found: dict[str, Tensor] = {}
    for layer, parts in layers.items():
        rank = next((len(parts[part]) for part in PEFT_RANKED if part in parts), 1)
        alpha = config.get(f"{layer.partition('.')[0]}.lora_alpha", rank)
        found |= file_tensors(family, layer, parts, float(alpha))
    return found


def _exact(name: str) -> bool:
    part = split(name)[1]
    return KOHYA.get(part, part) in EXACT
