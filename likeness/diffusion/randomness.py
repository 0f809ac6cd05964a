"""All randomness of training is derived from (seed, purpose, step), so no generator state is saved."""

import hashlib

import torch


def derive(seed: int, *words: str | int) -> int:
    """A 63-bit seed for one purpose, e.g. `derive(42, "noise", 17)`: equal words give equal numbers."""
    text = "/".join(map(str, (seed, *words)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(device: torch.device | str, seed: int, *words: str | int) -> torch.Generator:
    """A generator on `device` seeded with `derive(seed, *words)`."""
    return torch.Generator(device).manual_seed(derive(seed, *words))
