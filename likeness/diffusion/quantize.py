# pyright: basic
# (bitsandbytes is not typed, and autograd functions take what they like)
"""A frozen network whose linear layers keep their weights in 8 or 4 bits, for a LoRA to be trained on.

Weights are unpacked for each multiplication, forward and backward, and nothing unpacked outlives
it; sums are taken in the type they had, so a GPU and a CPU compute the same up to rounding. diffusers' layerwise casting is
not that: it casts a convolution's weight back before the gradient reads it (0.42 stops there), and a linear layer's
unpacked weight is held for the gradient. bitsandbytes' own layers quantise the activations as well (int8), and on a
CPU repack themselves for inference, through which no gradient flows (nf4, 0.50).

Sources: Micikevicius et al., arXiv 2209.05433 (fp8, here e4m3); Dettmers et al., arXiv 2208.07339 (int8 with a scale
a row) and arXiv 2305.14314 (nf4 with scales that are quantised, too). Shapes: B rows of input, I and O layer widths.
"""

import importlib
import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from likeness.diffusion.config import Quantization
from likeness.errors import ConfigError

# The type weights are kept in, and the number the largest of a row becomes.
ROWS: dict[Quantization, tuple[torch.dtype, float]] = {
    "fp8": (torch.float8_e4m3fn, 448.0),
    "int8": (torch.int8, 127.0),
}
NF4_BLOCK = 64  # weights that share a scale


def quantize(network: nn.Module, kind: Quantization, device: torch.device, *, not_packed: str) -> None:
    """Put packed layers, on the device, in place of the network's linear ones, one after the other; those whose names
    `not_packed` matches stay.

    Raises:
        ConfigError: nf4, and bitsandbytes is not installed.
    """
    for name, layer in list(network.named_modules()):
        if type(layer) is nn.Linear and not re.search(not_packed, name):
            parent, _, own = name.rpartition(".")
            layer = layer.to(device)
            packed = NF4Linear(layer) if kind == "nf4" else RowLinear(layer, *ROWS[kind])
            setattr(network.get_submodule(parent), own, packed)


class PackedLinear(nn.Linear):
    """A linear layer whose weights are bytes, which no change of type touches; whoever asks for them, as PEFT does for
    DoRA and PiSSA, gets them unpacked."""

    packed: Tensor

    def __init__(self, layer: nn.Linear, packed: Tensor) -> None:
        nn.Module.__init__(self)  # nn.Linear's own makes room for weights
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.register_parameter("bias", layer.bias)
        self.register_buffer("packed", packed)
        self.dtype = layer.weight.dtype

    @property
    def weight(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """[O,I] in the type that they had."""
        raise NotImplementedError

    def forward(self, input: Tensor) -> Tensor:
        """[B,O] of an input [B,I]."""
        return Product.apply(input, self)  # pyright: ignore[reportReturnType]


class RowLinear(PackedLinear):
    """A number of 8 bits a weight, and a float32 scale a row."""

    scale: Tensor

    def __init__(self, layer: nn.Linear, stored: torch.dtype, largest: float) -> None:
        weight = layer.weight.detach().float()
        scale = weight.abs().amax(1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / largest
        scaled = weight / scale if stored.is_floating_point else (weight / scale).round()
        super().__init__(layer, scaled.to(stored).view(torch.uint8))
        self.register_buffer("scale", scale)
        self.stored = stored

    @property
    def weight(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See PackedLinear."""
        return self.packed.view(self.stored).to(self.dtype).mul_(self.scale)


class NF4Linear(PackedLinear):
    """Four bits a weight, the quantiles of a normal distribution, scaled in blocks."""

    def __init__(self, layer: nn.Linear) -> None:
        packed, state = _bitsandbytes().quantize_4bit(
            layer.weight.detach(), blocksize=NF4_BLOCK, compress_statistics=True, quant_type="nf4"
        )
        super().__init__(layer, packed)
        self.state = state

    @property
    def weight(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See PackedLinear."""
        return _bitsandbytes().dequantize_4bit(self.packed, self.state)


class Product(torch.autograd.Function):
    """A layer's output, whose gradient for the input unpacks the weights again instead of keeping them."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, layer: PackedLinear) -> Tensor:
        """[B,O]."""
        ctx.layer = layer
        return functional.linear(input, layer.weight, layer.bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """[B,I]."""
        return gradient @ ctx.layer.weight, None


def _bitsandbytes() -> Any:
    try:
        return importlib.import_module("bitsandbytes.functional")
    except ImportError as error:
        raise ConfigError(
            f"base.quantize nf4 needs the package bitsandbytes: {error}",
            reason="missing-package",
            remedy="pip install 'likeness[bitsandbytes]', or set base.quantize: fp8",
        ) from error
