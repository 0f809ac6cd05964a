"""Only algorithms that give the same bits twice."""

import contextlib
from collections.abc import Generator
from typing import Any

import torch
from torch.utils import deterministic as torch_fill

fill: Any = torch_fill  # a module whose attributes are properties, unseen by type checkers


@contextlib.contextmanager
def deterministic(device: torch.device) -> Generator[None]:
    """Deterministic algorithms inside the context; where a GPU has none for an operation torch warns."""
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled = fill.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=device.type == "cuda")
    fill.fill_uninitialized_memory = False  # a debugging aid that writes every new tensor once more
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        fill.fill_uninitialized_memory = filled
