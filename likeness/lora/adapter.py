# pyright: basic
# (peft injects its layers into an untyped diffusers model)
"""The LoRA inside the base: put in, read, restored and taken out.

Names here are the pipeline's part and PEFT's name, `unet.down_blocks.1....to_q.lora_A.weight` (down) and `lora_B` (up).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import Tensor
from torch.nn import Parameter

from likeness.errors import ConfigError
from likeness.lora.base import Base
from likeness.lora.config import TrainConfig
from likeness.lora.randomness import derive

ADAPTER = "default"
# Of a CLIP text encoder, Kohya's trainers change these.
TEXT_ENCODER_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def add_lora(base: Base, cfg: TrainConfig) -> dict[str, Parameter]:
    """Add a fresh float32 LoRA and return its parameters by name, the only trainable ones.

    The seed is set before PEFT draws the first weights, on the CPU whatever the device.

    Raises:
        ConfigError: a target names no layer of this base, or its text encoders cannot learn.
    """
    alpha: Any = cfg.alpha  # annotated int, but PEFT only divides it by the rank
    parameters: dict[str, Parameter] = {}
    for part, module in base.parts(text_encoders=cfg.text_encoder_lr is not None).items():
        network = part == base.NETWORK
        config = LoraConfig(
            r=cfg.rank, lora_alpha=alpha, use_rslora=cfg.rank_stabilized, lora_dropout=cfg.lora_dropout,
            target_modules=_layers(module, cfg) if network else _ending(module, TEXT_ENCODER_TARGETS),
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(cfg.seed, "lora-init", *([] if network else [part])))
            module.add_adapter(config, adapter_name=ADAPTER)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
                parameters[f"{part}.{name.replace(f'.{ADAPTER}.', '.')}"] = parameter
    return parameters


def _ending(module: Any, ends: Sequence[str]) -> list[str]:
    return [name for name, _ in module.named_modules() if name.endswith(tuple(f".{end}" for end in ends))]


def _layers(network: Any, cfg: TrainConfig) -> list[str]:
    """Full names of the layers that end as a target does and lie in one of the blocks."""
    names = [name for name, _ in network.named_modules()]
    if unknown := [end for end in cfg.targets if not any(name.endswith(f".{end}") for name in names)]:
        raise ConfigError(
            f"train.targets: no layer of the base ends with {', '.join(unknown)}",
            remedy="name layers as diffusers does, e.g. to_q, to_k, to_v, to_out.0, ff.net.2; conf/experiment/ has what fits",
        )
    found = _ending(network, cfg.targets)
    for block in cfg.blocks:
        if not any(name.startswith(f"{block}.") for name in found):
            raise ConfigError(
                f"train.blocks: no target lies in {block}",
                remedy="name blocks as diffusers does, e.g. down_blocks, mid_block, up_blocks.1",
            )
    return [name for name in found if name.startswith(tuple(f"{block}." for block in cfg.blocks))]


def set_dropout(base: Base, seed: int | None) -> None:
    """Draw the LoRA's dropout from a seed, or with None switch it off; the base stays as it is used for drawing."""
    for layer in lora_layers(base).values():
        layer.lora_dropout.train(seed is not None)
    if seed is not None:
        torch.manual_seed(seed)  # layers draw from the device's own generator


def remove_lora(base: Base) -> None:
    """Take every LoRA out again; the frozen weights are as they were."""
    base.pipeline.unload_lora_weights()


def lora_tensors(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy of the LoRA's weights on the CPU."""
    return {name: parameter.detach().cpu().clone() for name, parameter in parameters.items()}


def lora_layers(base: Base) -> dict[str, LoraLayer]:
    """The base's LoRA layers by part and name of the layer they change."""
    parts = base.parts(text_encoders=bool(base.TEXT_ENCODERS))
    return {
        f"{part}.{name}": layer
        for part, module in parts.items()
        for name, layer in module.named_modules()
        if isinstance(layer, LoraLayer)
    }
