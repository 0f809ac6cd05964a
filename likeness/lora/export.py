# pyright: basic
# (diffusers pipelines and peft layers are not typed)
"""The LoRA as a file that ComfyUI, A1111 and diffusers load, and the proof that it loads.

The base knows what its layers are called, keys.py what their tensors are. diffusers' own converters lose alpha
(`save_lora_weights`) or write r for it (`convert_state_dict_to_kohya`), so the file is made here. It gets its name only
after the check.
"""

import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from likeness.aligned import align_tensors
from likeness.diffusion.bases import MISFIT, Base, Condition
from likeness.diffusion.randomness import generator
from likeness.disk import discard, write_atomic
from likeness.errors import InputError, ProviderError
from likeness.lora.adapter import change, lora_layers, remove_lora
from likeness.lora.keys import (
    EXACT,
    by_layer,
    file_tensors,
    split,
)
from likeness.lora.layers import read_layers
from likeness.lora.load import REPORT, compare, load_lora
from likeness.lora.safetensors_io import read_header

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class LoadCheck:
    """What the check measured: layers changed, mean |change| of what the base predicts."""

    layers: int
    effect: float


def kohya_tensors(
    base: Base, lora: Mapping[str, Tensor], *, alpha: float, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The weights of the LoRA in the base as a file has them: under Kohya's names, with a float32 alpha each, or diffusers'."""
    tensors: dict[str, Tensor] = {}
    for layer, parts in by_layer(change(base, lora)).items():
        here = {part: tensor.detach().cpu() for part, tensor in parts.items()}
        tensors |= file_tensors(type(base), layer, here, alpha)
    return {
        name: (tensor if split(name)[1] in EXACT else tensor.to(dtype)).contiguous()
        for name, tensor in tensors.items()
    }


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
        discard(unproven)
    return check


@torch.no_grad()
def check_loads(file: Path, base: Base, condition: Condition, latent_shape: tuple[int, ...]) -> LoadCheck:
    """Load a Kohya file through diffusers and compare it layer by layer; ProviderError on any difference."""
    remove_lora(base)
    if lora_layers(base):
        raise _failed("the base still holds a LoRA, so the check would prove nothing")
    noise = torch.randn((1, *latent_shape), generator=generator("cpu", 0, "load-check")).to(base.device)
    timesteps = torch.tensor([base.MID_TIMESTEP], device=base.device)
    without = base.predict(noise, timesteps, base.encode_condition(condition))
    try:
        try:
            load_lora(base, file)
            tensors = align_tensors(load_file(file))
            layers = compare(read_layers(base, tensors, read_header(file).metadata), base)
        except InputError as error:
            raise _failed(error.message, remedy=error.remedy) from error
        except MISFIT as error:
            raise _failed(f"diffusers does not load it: {error}") from error
        predicted = base.predict(noise, timesteps, base.encode_condition(condition))
        effect = (predicted - without).float().abs().mean().item()
    finally:
        remove_lora(base)
    if not effect > 0:
        raise _failed(
            f"the LoRA does not change what the base predicts (mean change {effect})",
            remedy="train longer, or with a higher train.optimizer.lr",
        )
    return LoadCheck(layers=layers, effect=effect)


def _failed(message: str, remedy: str = REPORT) -> ProviderError:
    return ProviderError(
        f"the new LoRA file did not pass its check: {message}", reason="load-check", remedy=remedy
    )
