# pyright: basic
# (peft injects its layers into an untyped diffusers model)
"""The LoRA inside the UNet: put in, read, restored and taken out.

Names here are PEFT's, `down_blocks.1....to_q.lora_A.weight` (down) and `lora_B` (up).
"""

from collections.abc import Mapping
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn import Parameter

from likeness.errors import ConfigError
from likeness.lora.config import TrainConfig
from likeness.lora.randomness import derive

ADAPTER = "default"


def add_lora(unet: Any, cfg: TrainConfig) -> dict[str, Parameter]:
    """Add a fresh float32 LoRA and return its parameters by name, the only trainable ones.

    The seed is set before PEFT draws the first weights, on the CPU whatever the device.

    Raises:
        ConfigError: a target names no layer of this UNet.
    """
    alpha: Any = cfg.alpha  # annotated int, but PEFT only divides it by the rank
    config = LoraConfig(
        r=cfg.rank, lora_alpha=alpha, use_rslora=cfg.rank_stabilized, target_modules=_layers(unet, cfg),
        lora_dropout=cfg.lora_dropout,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(cfg.seed, "lora-init"))
        unet.add_adapter(config, adapter_name=ADAPTER)
    parameters = {
        name.replace(f".{ADAPTER}.", "."): p for name, p in unet.named_parameters() if p.requires_grad
    }
    for parameter in parameters.values():
        parameter.data = parameter.data.float()
    return parameters


def _layers(unet: Any, cfg: TrainConfig) -> list[str]:
    """Full names of the layers that end as a target does and lie in one of the blocks."""
    names = [name for name, _ in unet.named_modules()]
    if unknown := [end for end in cfg.targets if not any(name.endswith(f".{end}") for name in names)]:
        raise ConfigError(
            f"train.targets: no layer of the base ends with {', '.join(unknown)}",
            remedy="name layers as diffusers does, e.g. to_q, to_k, to_v, to_out.0, ff.net.2",
        )
    found = [name for name in names if name.endswith(tuple(f".{end}" for end in cfg.targets))]
    for block in cfg.blocks:
        if not any(name.startswith(f"{block}.") for name in found):
            raise ConfigError(
                f"train.blocks: no target lies in {block}",
                remedy="name blocks as diffusers does, e.g. down_blocks, mid_block, up_blocks.1",
            )
    return [name for name in found if name.startswith(tuple(f"{block}." for block in cfg.blocks))]


def set_dropout(unet: Any, seed: int | None) -> None:
    """Draw the LoRA's dropout from a seed, or with None switch it off; the base stays as it is used for drawing."""
    for layer in lora_layers(unet).values():
        layer.lora_dropout.train(seed is not None)
    if seed is not None:
        torch.manual_seed(seed)  # layers draw from the device's own generator


def remove_lora(unet: Any) -> None:
    """Take every LoRA out again; the frozen weights are as they were."""
    unet.unload_lora()


def lora_tensors(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of the LoRA's weights on the CPU."""
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def lora_layers(unet: Any) -> dict[str, LoraLayer]:
    """The UNet's LoRA layers by the name of the layer they change."""
    return {name: module for name, module in unet.named_modules() if isinstance(module, LoraLayer)}
