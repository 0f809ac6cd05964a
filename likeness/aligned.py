"""Copies weights to memory that is aligned as torch's own tensors are: on a multiple of 64 bytes, in rows without
gaps.

MKL and oneDNN choose their kernels by a tensor's address, so on some CPUs the same weights give other bits when they
start elsewhere. Where a file's tensors start is decided by the length of its header, not by what is in it.
Source: "Memory Alignment" in the oneMKL developer guide, "Obtaining Numerically Reproducible Results" (read 2026-11).
"""

from collections.abc import Mapping
from itertools import chain

import torch
from torch import Tensor

ALIGNMENT = 64  # bytes; torch's CPU allocator keeps it (c10/core/alignment.h, gAlignment)


def aligned(tensor: Tensor) -> Tensor:
    """The tensor itself if it is a GPU's or lies as torch would lay it, else a copy that does."""
    if tensor.device.type != "cpu" or (tensor.is_contiguous() and tensor.data_ptr() % ALIGNMENT == 0):
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def align_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file, each `aligned`."""
    return {name: aligned(tensor) for name, tensor in tensors.items()}


def align_module(module: torch.nn.Module) -> None:
    """Bring all parameters and buffers of a module that lie elsewhere where torch would lay them."""
    for tensor in chain(module.parameters(), module.buffers()):
        tensor.data = aligned(tensor.data)
