# pyright: basic
# (diffusers models are not typed)
"""The memory that training will need, counted before anything is loaded: the network runs once without numbers.

On torch's meta device tensors have shapes and no contents, so the whole of SDXL is counted in seconds on any machine.
What autograd would keep for the backward pass is asked of autograd itself (saved tensor hooks); attention is counted as
flash attention keeps it. Not counted are text encoders that learn, and what the allocator loses between its blocks.
"""

import json
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from likeness.diffusion.bases import Base
from likeness.diffusion.config import TINY, TINY_RANDOM, BaseModelConfig, Quantization
from likeness.diffusion.families import bases
from likeness.diffusion.load import TINY_FOLDER, silence_libraries
from likeness.diffusion.tiny_random import build_tiny_random
from likeness.lora.adapter import add_lora
from likeness.lora.kinds import kinds
from likeness.paths import RepositoryPaths
from likeness.train.config import TrainConfig
from likeness.train.native.data import CELL_PX, Bucket
from likeness.train.native.optimizer import state_bytes
from likeness.train.native.throughput import GIB

FLOAT32 = 4
# A packed weight; nf4 adds a scale of a byte to 64 of them.
PACKED_BYTES: dict[Quantization, float] = {"fp8": 1.0, "int8": 1.0, "nf4": 0.5 + 1 / 64}
# Gradients of activations that live at a time in the backward pass, in sizes of the largest kept tensor.
IN_FLIGHT = 4
# What CUDA and its libraries take for themselves, about: context, cuBLAS and cuDNN workspaces.
RUNTIME_BYTES = 0.8 * GIB
SIZES = 6  # numbers of a picture's size condition
OTHER_PARTS = ("text_encoder", "text_encoder_2", "vae")
CARDS_GB = (8, 12, 16, 24, 48, 80)
CARD_BYTES = 0.95 * GIB  # of each so-called GB, what a card without a screen leaves


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Bytes of a training step: the base's weights; the LoRA with gradients and optimizer state; what is kept for the
    backward pass, whole or with gradient checkpointing; gradients on their way."""

    weights: float
    learning: float
    kept: float
    kept_checkpointed: float
    in_flight: float

    def words(self) -> str:
        """What a person plans with: the peaks, and the cards that have as much."""
        whole, less = (self.total(checkpointing=on) for on in (False, True))
        cards: list[str] = []
        if fits := [str(card) for card in CARDS_GB if whole <= card * CARD_BYTES]:
            cards.append(f"fits GPUs of {', '.join(fits)} GB")
        if only := [str(card) for card in CARDS_GB if less <= card * CARD_BYTES < whole]:
            cards.append(f"with gradient checkpointing of {', '.join(only)} GB")
        return (
            f"about {whole / GIB:.1f} GiB of GPU memory, {less / GIB:.1f} with gradient checkpointing: "
            + ("; ".join(cards) or f"more than a GPU of {CARDS_GB[-1]} GB has")
        )

    def total(self, *, checkpointing: bool) -> float:
        """The peak, the runtime's own share included."""
        kept = self.kept_checkpointed if checkpointing else self.kept
        return self.weights + self.learning + kept + self.in_flight + RUNTIME_BYTES


def predict(base: BaseModelConfig, cfg: TrainConfig) -> Footprint:
    """What a step takes on a GPU that computes in bf16; a base that is not on this machine is taken to be as published."""
    silence_libraries()
    family = bases()[base.architecture]
    part = family.NETWORK
    local = base.local(RepositoryPaths.here().root)
    folder = TINY_FOLDER if base.source == TINY else local or Path(base.source)
    if base.source == TINY_RANDOM:
        pipeline, others = build_tiny_random(base.architecture, base.seed or 0), 0.0
        network = dict(getattr(pipeline, part).config)
    elif (folder / part / "config.json").is_file():
        network = json.loads((folder / part / "config.json").read_text())
        files = [path for name in OTHER_PARTS for path in folder.glob(f"{name}/*.safetensors")]
        others = float(sum(path.stat().st_size for path in files))
    else:
        network = dict(family.PUBLISHED_NETWORK)
        others = family.PUBLISHED_TEXT_ENCODERS * torch.bfloat16.itemsize + family.PUBLISHED_VAE * FLOAT32
    return footprint(
        family, network, cfg, dtype=torch.bfloat16, quantization=base.quantize, other_weights=others
    )


def footprint(
    family: type[Base],
    network_config: dict[str, Any],
    cfg: TrainConfig,
    *,
    dtype: torch.dtype,
    quantization: Quantization | None = None,
    other_weights: float = 0.0,
    bucket: Bucket | None = None,
) -> Footprint:
    """What a step takes with a network of this configuration; `other_weights` are bytes of the base's other parts."""
    base = _shadow(family, network_config, dtype)
    weights = _weight_bytes(base, dtype, quantization)
    parameters = add_lora(base, cfg.lora.model_copy(update={"kind": "lora"}), seed=0)
    trained = sum(parameter.numel() for parameter in parameters.values())
    # Weights, gradients, state, an average, and PiSSA's start.
    here = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    each = 2 * FLOAT32 + state_bytes(cfg.optimizer, here) + FLOAT32 * bool(cfg.optimizer.ema)
    images = cfg.data.batch_size + cfg.preserved_images
    kept, checkpointed, largest = _kept(base, images, bucket or (cfg.data.side_px, cfg.data.side_px))
    return Footprint(
        weights=weights + other_weights,
        learning=trained * (each + FLOAT32 * kinds()[cfg.lora.kind].FROZEN),
        kept=kept,
        kept_checkpointed=checkpointed,
        in_flight=IN_FLIGHT * largest,
    )


def _shadow(family: type[Base], network_config: dict[str, Any], dtype: torch.dtype) -> Base:
    """A base whose network has shapes and no numbers, and nothing else."""
    import diffusers

    kind: Any = getattr(diffusers, family.NETWORK_CLASS)
    with torch.device("meta"):
        network = kind.from_config(network_config).to(dtype).requires_grad_(False)
    return family(
        name="",
        digest="",
        pipeline=SimpleNamespace(**{family.NETWORK: network}),
        device=torch.device("meta"),
        dtype=dtype,
        quantized=None,
    )


def _weight_bytes(base: Base, dtype: torch.dtype, quantization: Quantization | None) -> float:
    total = 0.0
    for name, module in base.network.named_modules():
        packed = quantization and type(module) is torch.nn.Linear and not re.search(base.NOT_PACKED, name)
        for own, parameter in module.named_parameters(recurse=False):
            small = packed and own == "weight" and quantization
            total += parameter.numel() * (PACKED_BYTES[small] if small else dtype.itemsize)
    return total


def _kept(base: Base, batch_size: int, bucket: Bucket) -> tuple[float, float, float]:
    """Bytes kept for the backward pass of one batch: whole, with gradient checkpointing, and by the largest tensor."""
    weights = {tensor.untyped_storage()._cdata for tensor in base.network.parameters()}
    outside, inside, entries = _Seen(weights), [_Seen(weights)], _Seen(weights)

    def block(function: Any, *arguments: Any) -> Any:
        seen = _Seen(weights)
        with seen.listening():
            answer = function(*arguments)
        if seen.tensors:  # a block before the first layer that learns keeps nothing, its inputs neither
            inside.append(seen)
            entries.add(one for one in arguments if isinstance(one, Tensor))
        return answer

    base.network.enable_gradient_checkpointing(block)
    width, height = (side // CELL_PX for side in bucket)
    noisy = torch.empty(batch_size, base.latent_channels, height, width, device="meta")
    shapes = base.prompt_shapes
    prompt = {name: torch.empty(shape, device="meta", dtype=base.dtype) for name, shape in shapes.items()}
    sizes = {"time_ids": torch.empty(batch_size, SIZES, device="meta", dtype=base.dtype)}
    condition = base.collate([prompt] * batch_size) | sizes
    timesteps = torch.full((batch_size,), base.MID_TIMESTEP, device="meta")
    with mock.patch.object(functional, "scaled_dot_product_attention", _attention), outside.listening():
        base.predict(noisy, timesteps, condition).float().square().mean()
    everything = _Seen(weights)
    for seen in (outside, *inside):
        everything.add(seen.tensors)
    largest = max(tensor.nbytes for tensor in everything.tensors)
    entries.add(outside.tensors)
    return everything.bytes, entries.bytes + max(seen.bytes for seen in inside), largest


class _Seen:
    """Tensors kept, each storage once; the network's own weights are not counted."""

    def __init__(self, weights: set[int]) -> None:
        self.tensors: list[Tensor] = []
        self.bytes = 0
        self._known = set(weights)

    def add(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self._known:
                self._known.add(storage._cdata)
                self.tensors.append(tensor)  # held, so that no other storage gets its address
                self.bytes += storage.nbytes()

    @contextmanager
    def listening(self) -> Generator[None]:
        def pack(tensor: Tensor) -> Tensor:
            self.add([tensor])
            return tensor

        with saved_tensors_hooks(pack, lambda tensor: tensor):
            yield


class _Flash(Function):
    """Keeps what flash attention keeps (Dao, arXiv 2307.08691): query, key, value and output."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        answer = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, answer)
        return answer

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError  # nothing here has numbers


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Any:
    return _Flash.apply(query, key, value)
