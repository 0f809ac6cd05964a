"""Whether the LoRA changes what is drawn at all."""

from collections.abc import Sequence

import numpy as np

from likeness.images import RGB


def mean_difference(before: RGB, after: RGB) -> float:
    """Mean absolute difference of two images of one size, 0 (same pixels) to 255 (black against white)."""
    return float(np.mean(np.abs(before.astype(np.int16) - after.astype(np.int16))))


def lora_effect(pairs: Sequence[tuple[RGB, RGB]]) -> float | None:
    """Mean of `mean_difference` over (without, with) pairs of one prompt and seed; None without pairs."""
    return round(float(np.mean([mean_difference(*pair) for pair in pairs])), 4) if pairs else None
