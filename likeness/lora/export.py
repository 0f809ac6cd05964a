# pyright: basic
# (diffusers pipelines and peft layers are not typed)
"""The LoRA as a file that ComfyUI, A1111 and diffusers load, and the proof that it loads.

The base knows what its layers are called, keys.py what their tensors are. diffusers' own converters lose alpha
(`save_lora_weights`) or write r for it (`convert_state_dict_to_kohya`), so the file is made here. It gets its name only
after the check.
"""

import os
import uuid
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor

from likeness.aligned import align_module, align_tensors
from likeness.diffusion.bases import MISFIT, Base, Condition
from likeness.diffusion.randomness import generator
from likeness.disk import discard, write_atomic
from likeness.errors import InputError, ProviderError
from likeness.lora.adapter import adapter_parameters, change, lora_layers, remove_lora
from likeness.lora.keys import (
    EXACT,
    KOHYA,
    SCALED,
    UNREAD,
    by_layer,
    diffusers_tensors,
    file_settings,
    file_tensors,
    split,
)
from likeness.lora.layers import LoraLayers, read_layers
from likeness.lora.safetensors_io import read_header

ADAPTER = "exported"
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# What UNREAD are called under diffusers' names.
UNREAD_PEFT = tuple(f".{part}" for part, name in KOHYA.items() if f".{name}" in UNREAD)
# How far, in roundings of the coarsest type on the way, what was loaded may be from the file's.
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
        load_lora(base, file)
    except (*MISFIT, InputError) as error:
        remove_lora(base)
        raise _failed(f"diffusers does not load it: {error}") from error
    try:
        tensors = align_tensors(load_file(file))
        layers = compare(read_layers(base, tensors, read_header(file).metadata), base)
        predicted = base.predict(noise, timesteps, base.encode_condition(condition))
        effect = (predicted - without).float().abs().mean().item()
    finally:
        remove_lora(base)
    if not effect > 0:
        raise _failed(f"the LoRA does not change what the base predicts (mean change {effect})",
                             remedy="train longer, or with a higher train.optimizer.lr")  # fmt: skip
    return LoadCheck(keys=len(tensors), layers=layers, effect=effect)


def load_lora(base: Base, file: Path) -> None:
    """Load a Kohya file through diffusers. What its pipelines drop (DoRA) or refuse (LoKr) goes to the network directly."""
    tensors = load_file(file)
    direct = any(key.endswith((*UNREAD, *UNREAD_PEFT)) for key in tensors)
    if not direct and load_plain(tensors):
        base.pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=ADAPTER)
    else:
        found = read_layers(base, tensors, read_header(file).metadata)
        named = diffusers_tensors(found.layers, found.scales)
        if direct:
            # diffusers renames the layers attn.to_out unless it sees a lower matrix first.
            named = dict(sorted(named.items(), key=lambda item: ".lora_A." not in item[0]))
            how = {"prefix": base.NETWORK, "metadata": file_settings(named, base.NETWORK)}
            base.network.load_lora_adapter(named, adapter_name=ADAPTER, **how)
            base.network.eval()
        else:
            base.pipeline.load_lora_weights(named, adapter_name=ADAPTER)
    for layer in lora_layers(base).values():
        align_module(layer)


def load_plain(tensors: Mapping[str, Tensor]) -> bool:
    """Whether diffusers 0.42 reads the file itself: of alphas that differ it loses attention's, with one below zero it never
    ends halving a scale, and of a text encoder under Kohya's names it loses the attention where `out_proj` is not in it."""
    alphas = {tensor.double().mean().item() for key, tensor in tensors.items() if key.endswith(".alpha")}
    attention = [key for key in tensors if key.startswith("lora_te") and "_self_attn_" in key]
    encoders, whole = (
        {key.partition("text_model_")[0] for key in attention if f"_self_attn_{layer}" in key}
        for layer in ("", "out_proj")
    )
    return len(alphas) <= 1 and all(alpha > 0 for alpha in alphas) and encoders == whole


@contextmanager
def loaded_lora(base: Base, file: Path | None, scale: float = 1.0) -> Generator[None]:
    """Inside, a LoRA file is loaded into the base; None loads nothing.

    Raises:
        InputError: the file does not fit the base.
    """
    if file is None:
        yield
        return
    try:
        load_lora(base, file)
    except (OSError, *MISFIT) as error:
        raise InputError(
            f"{file} does not fit the base {base.name}: {error}",
            reason="lora-misfit",
            remedy="train it on this base, or choose the base it was trained on",
        ) from error
    try:
        base.pipeline.set_adapters([ADAPTER], [scale])
        yield
    finally:
        remove_lora(base)


class LoraSlot:
    """The one LoRA file that a base holds: loaded when a picture first needs it, and kept until one needs another file,
    another strength or none. A context manager: at its end the base is as it was."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._held: tuple[Path, float] | None = None
        self._loaded = ExitStack()

    def hold(self, file: Path | None, scale: float) -> None:
        """Have the base hold this file at this strength, or none.

        Raises:
            InputError: the file does not fit the base; it holds none.
        """
        wanted = None if file is None else (file, scale)
        if wanted == self._held:
            return
        self._held = None
        self._loaded.close()
        self._loaded.enter_context(loaded_lora(self._base, file, scale))
        self._held = wanted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loaded.close()


def compare(found: LoraLayers, base: Base) -> int:
    """The number of layers that the loaded LoRA has; ProviderError where any differs from a file's layers."""
    loaded_layers = lora_layers(base)
    if wrong := sorted(set(found.layers).symmetric_difference(loaded_layers)):
        raise _failed(
            f"{len(wrong)} layer(s) are in the file or in the loaded LoRA only, e.g. {wrong[0]}",
            remedy="train.lora.targets names layers that diffusers does not map: leave them out, and report it",
        )
    for name, loaded in by_layer(adapter_parameters(base, ADAPTER)).items():
        effect = _effects(loaded, loaded_layers[name].scaling[ADAPTER])
        parts = {part: tensor.to(base.device) for part, tensor in found.layers[name].items()}
        right = _effects(parts, found.scales.get(name, 1.0))
        coarsest = max(found.precision, *(torch.finfo(tensor.dtype).eps for tensor in loaded.values()))
        if effect.keys() != right.keys() or any(
            not (effect[part] - tensor).norm() <= ROUNDINGS * coarsest * tensor.norm()
            for part, tensor in right.items()
        ):
            raise _failed(f"{name} was loaded with other weights or another scale than the file's")
    return len(loaded_layers)


def _effects(parts: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
    """A layer's tensors with the scale in them; of a LoRA the product, since diffusers may put a scale into either."""
    found = {part: tensor.float() * (scale if part in SCALED else 1.0) for part, tensor in parts.items()}
    if "lora_A.weight" in found:
        up, down = found.pop("lora_B.weight"), found.pop("lora_A.weight")
        found["change"] = up.flatten(1) @ down.flatten(1)
    return found


def _failed(
    why: str, remedy: str = "report this with the train and base sections of params.yaml"
) -> ProviderError:
    what = f"the new LoRA file did not pass its check: {why}"
    return ProviderError(what, reason="load-check", remedy=remedy)
