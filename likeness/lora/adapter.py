# pyright: basic
# (peft injects its layers into an untyped diffusers model)
"""The LoRA inside the base, of any kind: put in, read, restored and taken out.

Names here are the pipeline's part and PEFT's name, `unet.down_blocks.1....to_q.lora_A.weight` (down) and `lora_B` (up).
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor
from torch.nn import Parameter

from likeness.diffusion.bases import Base
from likeness.diffusion.randomness import derive
from likeness.errors import ConfigError
from likeness.lora.config import AdapterConfig
from likeness.lora.kinds import kinds
from likeness.lora.kinds.lora import ADAPTER, START

# Of a CLIP text encoder, Kohya's trainers change these.
TEXT_ENCODER_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def add_lora(
    base: Base, cfg: AdapterConfig, *, seed: int, text_encoders: bool = False
) -> dict[str, Parameter]:
    """Add a fresh float32 LoRA and return its parameters by name, the only trainable ones.

    The seed is set before PEFT draws the first weights, on the CPU whatever the device.

    Raises:
        ConfigError: a target names no layer of this base, or its text encoders cannot learn.
    """
    kind = kinds()[cfg.kind]
    for part, module in base.parts(text_encoders=text_encoders).items():
        network = part == base.NETWORK
        layers = _layers(module, cfg) if network else _ending(module, TEXT_ENCODER_TARGETS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "lora-init", *([] if network else [part])))
            settings = kind.settings(cfg, layers)
            module.add_adapter(settings, adapter_name=ADAPTER)
            kind.start(module, settings)
    for parameter in adapter_parameters(base, ADAPTER).values():
        parameter.data = parameter.data.float()
    for layer in lora_layers(base).values():
        kind.correct(layer)
    set_dropout(base, None)
    return adapter_parameters(base, ADAPTER)


def adapter_parameters(base: Base, adapter: str) -> dict[str, Parameter]:
    """An adapter's parameters by name."""
    return {
        f"{layer}.{name.replace(f'.{adapter}', '')}": parameter
        for layer, module in lora_layers(base).items()
        for name, parameter in module.named_parameters()
        if adapter in name.split(".")
    }


def change(base: Base, lora: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a LoRA with these weights changes of the untouched base, by names as in `lora`.

    A PiSSA changes it by B A - B0 A0 = (B - B0) A + B0 (A - A0), a LoRA of twice the rank. Both terms are as small as what
    was learned, so a narrow type rounds that and not the weights it began as.
    """
    start = adapter_parameters(base, START)
    return {name: _joined(name, lora, start) if name in start else tensor for name, tensor in lora.items()}


def _joined(name: str, lora: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> Tensor:
    now, before = lora[name].detach(), start[name].detach().to(lora[name].device)
    return torch.cat([now, now - before]) if ".lora_A." in name else torch.cat([now - before, before], dim=1)


def _ending(module: Any, ends: Sequence[str]) -> list[str]:
    # A list of layers may be called as a layer elsewhere is: FLUX.2's attn.to_out.
    leaves = [name for name, layer in module.named_modules() if next(layer.children(), None) is None]
    return [name for name in leaves if name.endswith(tuple(f".{end}" for end in ends))]


def _layers(network: Any, cfg: AdapterConfig) -> list[str]:
    """Full names of the layers that end as a target does and lie in one of the blocks."""
    found = _ending(network, cfg.targets)
    if unknown := [end for end in cfg.targets if not any(name.endswith(f".{end}") for name in found)]:
        raise ConfigError(
            f"train.lora.targets: no layer of the base ends with {', '.join(unknown)}",
            remedy="name layers as diffusers does, e.g. to_q, to_k, to_v, to_out.0, ff.net.2; conf/experiment/ has what fits",
        )
    for block in cfg.blocks:
        if not any(name.startswith(f"{block}.") for name in found):
            raise ConfigError(
                f"train.lora.blocks: no target lies in {block}",
                remedy="name blocks as diffusers does, e.g. down_blocks, mid_block, up_blocks.1",
            )
    return [name for name in found if name.startswith(tuple(f"{block}." for block in cfg.blocks))]


def set_dropout(base: Base, seed: int | None) -> None:
    """Draw the LoRA's dropout from a seed, or with None switch it off; the base stays as it is used for drawing."""
    for layer in lora_layers(base).values():
        layer.train(seed is not None)
    if seed is not None:
        torch.manual_seed(seed)  # layers draw from the device's own generator


@contextmanager
def without_lora(base: Base) -> Generator[None]:
    """Inside, the base predicts as it does without any LoRA; what learns and what does not stays as it is."""
    layers = lora_layers(base).values()
    for layer in layers:
        layer._disable_adapters = True  # enable_adapters would change requires_grad, too
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def remove_lora(base: Base) -> None:
    """Take every LoRA out again; the frozen weights are as they were."""
    base.pipeline.unload_lora_weights()


def lora_tensors(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of the LoRA's weights on the CPU."""
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def lora_layers(base: Base) -> dict[str, Any]:
    """The base's LoRA layers by part and name of the layer they change."""
    return {
        f"{part}.{name}": layer
        for part, module in base.parts(text_encoders=bool(base.TEXT_ENCODERS)).items()
        for name, layer in module.named_modules()
        if isinstance(layer, BaseTunerLayer)
    }
