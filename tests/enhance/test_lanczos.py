"""The enlargement without weights."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from likeness.enhance.lanczos import LanczosEnhancer
from likeness.images import load_rgb

MILD = LanczosEnhancer(scale=2, unsharp_radius_px=0.8, unsharp_percent=40, unsharp_threshold=0)


def test_it_doubles_the_size_and_is_deterministic():
    rgb = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
    first, second = MILD.enhance(rgb), MILD.enhance(rgb)
    assert first.rgb.shape == (80, 60, 3)
    assert first.cost_usd == 0
    assert np.array_equal(first.rgb, second.rgb)


def test_a_mild_mask_is_nearer_to_the_photograph_than_none(synthetic_people):
    photo = load_rgb(synthetic_people / "sources" / "jade_03.jpg")[300:812, 300:812]
    half = np.array(Image.fromarray(photo).resize((256, 256), Image.Resampling.LANCZOS))

    def error(percent: int) -> float:
        enhancer = LanczosEnhancer(
            scale=2, unsharp_radius_px=0.8, unsharp_percent=percent, unsharp_threshold=0
        )
        return float(np.mean((enhancer.enhance(half).rgb.astype(float) - photo) ** 2))

    assert error(40) < error(0) < error(200)


def test_every_setting_is_part_of_its_identity():
    other = LanczosEnhancer(scale=2, unsharp_radius_px=0.8, unsharp_percent=41, unsharp_threshold=0)
    assert MILD.identity() != other.identity()


def test_a_zero_scale_is_refused():
    with pytest.raises(ValidationError, match="scale"):
        LanczosEnhancer(scale=0, unsharp_radius_px=1, unsharp_percent=0, unsharp_threshold=0)
