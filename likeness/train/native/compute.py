# pyright: basic
# (diffusers models are not typed)
"""How the steps are computed: blocks compiled or not, activations kept or computed again, memory formats.

None of it changes what is trained, but for the last bits that another order of sums makes. Attention needs no setting:
all families go through torch's scaled_dot_product_attention, which is flash attention where the GPU has it.
"""

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from likeness.diffusion.bases import Base
from likeness.errors import ConfigError
from likeness.train.config import SystemConfig, TrainConfig
from likeness.train.native.memory import GIB, footprint

BACKEND = "inductor"  # torch.compile's own
# Of the free memory, what an allocator can hand out before it is too scattered.
USABLE = 0.92


@contextmanager
def training_mode(base: Base, cfg: TrainConfig, buckets: list[tuple[int, int]]) -> Generator[None]:
    """Inside, the network with its LoRA trains as `cfg` says; afterwards it is as it was.

    Raises:
        ConfigError: the network's blocks cannot be compiled here, or memory ran out.
    """
    network = base.network
    checkpointing = needs_checkpointing(base, cfg, buckets)
    if checkpointing:
        network.enable_gradient_checkpointing()
    if base.device.type == "cuda" and base.CHANNELS_LAST:
        network.to(memory_format=torch.channels_last)
    blocks: list[Any] = []
    if cfg.system.compile:
        blocks = [m for m in network.modules() if type(m).__name__ in (network._repeated_blocks or ())]
        for block in blocks:
            # Each bucket is a shape of its own, and few shapes are faster than one that fits all.
            block.compile(dynamic=False, backend=BACKEND)
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise _out_of_memory(base, cfg, checkpointing) from error
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise ConfigError(
            f"train.system.compile: torch cannot compile the network here: {str(error).splitlines()[0]}",
            reason="not-compiled",
            remedy="install a C++ compiler and a torch build with Triton, or set train.system.compile: false",
        ) from error
    finally:
        for block in blocks:
            block._compiled_call_impl = None
        if checkpointing:
            network.disable_gradient_checkpointing()


@contextmanager
def uncompiled(system: SystemConfig) -> Generator[None]:
    """Inside, compiled blocks run as they are written: pictures drawn on the way have other shapes, each seen once."""
    with torch.compiler.set_stance("force_eager") if system.compile else nullcontext():
        yield


def needs_checkpointing(base: Base, cfg: TrainConfig, buckets: list[tuple[int, int]]) -> bool:
    """Whether activations are computed again in the backward pass: as set, or if they would not fit the free memory."""
    if cfg.system.gradient_checkpointing != "auto":
        return cfg.system.gradient_checkpointing == "on"
    if base.device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(base.device)
    free += torch.cuda.memory_reserved(base.device) - torch.cuda.memory_allocated(base.device)
    largest = max(buckets, key=lambda size: size[0] * size[1])
    needed = footprint(type(base), dict(base.network.config), cfg, dtype=base.dtype, bucket=largest)
    return needed.learning + needed.kept + needed.in_flight > USABLE * free


def spill_warning(device: torch.device) -> str | None:
    """What to say where a card has handed out more memory than its own: drivers of Windows and WSL then use the computer's,
    without an error and ten times slower. None if all is its own."""
    if device.type != "cuda":
        return None
    reserved = torch.cuda.memory_reserved(device)
    total = torch.cuda.get_device_properties(device).total_memory
    if reserved <= total:
        return None
    return (
        f"{reserved / GIB:.1f} GiB are in use on a GPU of {total / GIB:.1f} GiB: the driver pages to the computer's "
        f"memory, which is many times slower. {_LESS}, or switch the driver's system memory fallback off"
    )


_LESS = (
    "Set train.system.gradient_checkpointing: on, base.quantize: fp8 or nf4, or a smaller train.data.batch_size (with more "
    "gradient_accumulation)"
)


def _out_of_memory(base: Base, cfg: TrainConfig, checkpointing: bool) -> ConfigError:
    total = torch.cuda.get_device_properties(base.device).total_memory if base.device.type == "cuda" else 0
    needed = footprint(type(base), dict(base.network.config), cfg, dtype=base.dtype)
    kept = needed.kept_checkpointed if checkpointing else needed.kept
    step = needed.learning + kept + needed.in_flight
    return ConfigError(
        f"training ran out of memory: beside the base, a step of batch_size {cfg.data.batch_size} at {cfg.data.side_px} px needs "
        f"about {step / GIB:.1f} GiB, and the device has {total / GIB:.1f} GiB in all",
        reason="out-of-memory",
        remedy=_LESS,
    )
