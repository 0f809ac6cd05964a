import numpy as np
import pytest

from likeness.swap.blend import blend, smoothstep


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((61, 47, 3)).astype(np.float32)


@pytest.mark.parametrize("levels", [0, 1, 3])
def test_a_full_mask_gives_the_inner_image_and_an_empty_one_the_outer(levels):
    inner, outer = noise(1), noise(2)
    ones = np.ones(inner.shape[:2], np.float32)
    np.testing.assert_allclose(blend(inner, outer, ones, levels), inner, atol=1e-5)
    np.testing.assert_allclose(blend(inner, outer, 0 * ones, levels), outer, atol=1e-5)


def test_a_hard_mask_leaves_no_hard_edge():
    dark, light = np.zeros((64, 64, 3), np.float32), np.ones((64, 64, 3), np.float32)
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1
    step = np.abs(np.diff(blend(light, dark, mask, 3)[..., 0], axis=1)).max()
    assert step < 0.5


def test_smoothstep_is_flat_outside_and_half_in_the_middle():
    np.testing.assert_allclose(smoothstep(np.array([-3.0, 0, 0.5, 1, 9])), [0, 0, 0.5, 1, 1])
