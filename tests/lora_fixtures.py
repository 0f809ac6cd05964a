"""A small training folder and a fresh base; lora_runs.py has what makes them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lora_runs import make_folder, random_base

from likeness.diffusion.bases import Base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "lora_training")


@pytest.fixture
def fresh() -> Callable[..., Base]:
    """Gives an untouched random base, `fresh("sd15")` or `fresh()`."""
    return random_base


@pytest.fixture(autouse=True)
def few_threads() -> None:
    # Bits depend on the number of threads, and the killed run is another process.
    torch.set_num_threads(1)
