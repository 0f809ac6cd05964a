# pyright: basic
# (peft's layers are not typed)
"""PiSSA: a LoRA that starts as the principal part of the weights (Meng et al., arXiv 2404.02948)."""

from __future__ import annotations

import warnings
from typing import Any

from likeness.errors import ConfigError
from likeness.lora.kinds.lora import ADAPTER, START, Lora

POWER_ITERATIONS = 8  # of the randomised SVD, which need not be exact: what it finds is taken off again


class Pissa(Lora):
    """A file of it is a LoRA's, of twice the rank: what the weights began as is taken off in it."""

    NAME = "pissa"
    FILE_RANKS = 2
    FROZEN = 1

    @classmethod
    def start(cls, module: Any, settings: Any) -> None:
        """Begin with the largest singular parts of the weights W, B0 A0, and a frozen second LoRA that takes them off again.

        The paper takes them out of W instead. This is the same model, and W keeps its bits, in whatever type it is.
        """
        import torch
        from peft.tuners.tuners_utils import BaseTunerLayer

        settings.lora_dropout = 0.0
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # two are wanted here
            module.add_adapter(settings, adapter_name=START)
        for name, layer in module.named_modules():
            if isinstance(layer, BaseTunerLayer):
                with torch.no_grad():
                    _start_layer(name, layer, settings.r)


def _start_layer(name: str, layer: Any, rank: int) -> None:
    import torch

    weight = layer.get_base_layer().weight.detach().float().cpu().flatten(1)
    if rank > min(weight.shape):
        raise ConfigError(
            f"train.lora.rank: {name} has {min(weight.shape)} singular values, PiSSA would start from {rank}",
            remedy=f"set train.lora.rank to {min(weight.shape)} or less, or leave the layer out of train.lora.targets",
        )
    spare = min(rank + 8, *weight.shape)  # a wider sketch finds the largest parts more exactly
    left, values, right = torch.svd_lowrank(weight, q=spare, niter=POWER_ITERATIONS)
    root = (values[:rank] / layer.scaling[ADAPTER]).sqrt()
    principal = (root[:, None] * right[:, :rank].T, left[:, :rank] * root)
    for adapter in (ADAPTER, START):
        matrices = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
        for matrix, value in zip(matrices, principal, strict=True):
            shaped = value.reshape(matrix.shape).clone(memory_format=torch.contiguous_format)
            matrix.data = shaped.to(matrix.device)
    layer.set_adapter([ADAPTER, START])
    layer.lora_A[START].requires_grad_(False)
    layer.lora_B[START].requires_grad_(False)
    layer.scaling[START] = -layer.scaling[ADAPTER]


KIND = Pissa
