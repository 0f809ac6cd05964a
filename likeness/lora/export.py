# pyright: basic
# (diffusers pipelines and peft layers are not typed)
"""The LoRA as a file that ComfyUI, A1111 and diffusers load, and the proof that it loads.

Kohya's names: `lora_unet_down_blocks_1_..._to_q.lora_down.weight` [r,in], `.lora_up.weight` [out,r] and a
scalar `.alpha`; the scale is alpha / r. The base knows what its layers are called. diffusers' own converters lose
alpha (`save_lora_weights`) or write r for it (`convert_state_dict_to_kohya`), so the names are made here. A file gets
its name only after the check.
"""

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from likeness.errors import ProviderError
from likeness.items import write_atomic
from likeness.lora.adapter import lora_layers, remove_lora
from likeness.lora.base import Base, Condition
from likeness.lora.randomness import generator

PARTS = {"lora_A": "lora_down", "lora_B": "lora_up"}
ADAPTER = "exported"
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# How far, in roundings of the coarsest type on the way, a loaded layer's change may be from the file's.
ROUNDINGS = 8


@dataclass(frozen=True, kw_only=True)
class LoadCheck:
    """What the check measured: tensors in the file, layers changed, mean |change| of what the base predicts."""

    keys: int
    layers: int
    effect: float


def kohya_tensors(
    base: Base, lora: Mapping[str, Tensor], *, alpha: float, dtype: torch.dtype
) -> dict[str, Tensor]:
    """PEFT's `{layer}.lora_A.weight` and `lora_B` under Kohya's names, with a float32 alpha each."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in lora.items():
        layer, part, _ = name.rsplit(".", 2)
        kohya = base.file_layer(layer)
        tensors[f"{kohya}.{PARTS[part]}.weight"] = tensor.detach().cpu().to(dtype).contiguous()
        tensors[f"{kohya}.alpha"] = torch.tensor(alpha, dtype=torch.float32)
    return tensors


def publish(
    data: bytes, path: Path, base: Base, condition: Condition, latent_shape: tuple[int, ...]
) -> LoadCheck:
    """Write the file beside `path`, load it into the base, and give it its name only when all is right.

    `condition` [1,...] and `latent_shape` (C,H,W) say on what the effect is measured. The training LoRA is
    taken out of the base first, and the loaded one at the end.

    Raises:
        ProviderError: a key has no place, a weight or scale differs, or the LoRA changes nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unproven = path.with_name(f".{uuid.uuid4().hex[:8]}.unproven.safetensors")
    try:
        write_atomic(unproven, data)
        check = check_loads(unproven, base, condition, latent_shape)
        os.replace(unproven, path)
    finally:
        unproven.unlink(missing_ok=True)
    return check


@torch.no_grad()
def check_loads(file: Path, base: Base, condition: Condition, latent_shape: tuple[int, ...]) -> LoadCheck:
    """Load a Kohya file through diffusers and compare it layer by layer; ProviderError on any difference."""
    remove_lora(base)
    if lora_layers(base):
        raise _failed("the base still holds a LoRA, so the check would prove nothing")
    noise = torch.randn((1, *latent_shape), generator=generator("cpu", 0, "load-check")).to(base.device)
    timesteps = torch.tensor([base.HALFWAY], device=base.device)
    without = base.predict(noise, timesteps, base.told(condition))
    try:
        base.pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=ADAPTER)
    except (ValueError, RuntimeError, LookupError) as error:
        base.pipeline.unload_lora_weights()
        raise _failed(f"diffusers does not load it: {error}") from error
    try:
        tensors = load_file(file)
        layers = _compare(tensors, base)
        predicted = base.predict(noise, timesteps, base.told(condition))
        effect = (predicted - without).float().abs().mean().item()
    finally:
        base.pipeline.unload_lora_weights()
    if not effect > 0:
        raise _failed(f"the LoRA does not change what the base predicts (mean change {effect})",
                             remedy="train longer, or with a higher train.lr")  # fmt: skip
    return LoadCheck(keys=len(tensors), layers=layers, effect=effect)


def _compare(tensors: Mapping[str, Tensor], base: Base) -> int:
    layers: dict[str, Any] = {base.file_layer(name): layer for name, layer in lora_layers(base).items()}
    names = {key.removesuffix(".weight").rpartition(".")[0] for key in tensors}
    if names != set(layers):
        wrong = sorted(names.symmetric_difference(layers))
        raise _failed(
            f"{len(wrong)} layer(s) are in the file or in the loaded LoRA only, e.g. {wrong[0]}",
            remedy="train.targets names layers that diffusers does not map: leave them out, and report it",
        )
    for name, layer in layers.items():
        down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        told_down, told_up = (tensors[f"{name}.lora_{part}.weight"] for part in ("down", "up"))
        # What the layer changes, since diffusers may have multiplied the scale into the weights.
        wanted = _change(told_down.to(down), told_up.to(up), tensors[f"{name}.alpha"].item() / len(down))
        off = (_change(down, up, layer.scaling[ADAPTER]) - wanted).norm()
        precision = max(torch.finfo(tensor.dtype).eps for tensor in (down, told_down))
        if not off <= ROUNDINGS * precision * wanted.norm():
            raise _failed(f"{name} was loaded with other weights or another scale than the file's")
    return len(layers)


def _change(down: Tensor, up: Tensor, scale: float) -> Tensor:
    return scale * (up.float().flatten(1) @ down.float().flatten(1))


def _failed(
    message: str, remedy: str = "report this with the train and base sections of params.yaml"
) -> ProviderError:
    return ProviderError(
        f"the new LoRA file did not pass its check: {message}", reason="load-check", remedy=remedy
    )
