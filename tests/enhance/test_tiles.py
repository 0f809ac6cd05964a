"""Tiles: no seams when the overlap covers the network's reach."""

import cv2
import numpy as np
import pytest

from likeness.enhance.tiles import tiled

# This fake network sees 3 px around, and doubles.
REACH_PX = 3


def blur_and_double(image: np.ndarray) -> np.ndarray:
    smooth = [cv2.boxFilter(c, -1, (7, 7), borderType=cv2.BORDER_REPLICATE) for c in image]
    return np.repeat(np.repeat(np.stack(smooth), 2, axis=1), 2, axis=2)


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (20, 130)])
def test_tiles_with_enough_overlap_equal_the_whole(size):
    image = np.random.default_rng(0).random((3, *size), np.float32)
    result = tiled(blur_and_double, image, scale=2, tile_px=32, overlap_px=REACH_PX)
    assert result.shape == (3, 2 * size[0], 2 * size[1])
    assert np.allclose(result, blur_and_double(image), atol=1e-6)


def test_too_little_overlap_shows_as_seams():
    image = np.random.default_rng(0).random((3, 64, 64), np.float32)
    result = tiled(blur_and_double, image, scale=2, tile_px=32, overlap_px=0)
    assert not np.allclose(result, blur_and_double(image), atol=1e-3)


def test_no_tile_is_larger_than_asked():
    seen = []

    def network(tile: np.ndarray) -> np.ndarray:
        seen.append(tile.shape[1:])
        return tile

    tiled(network, np.zeros((3, 100, 100), np.float32), scale=1, tile_px=32, overlap_px=8)
    assert len(seen) == 16
    assert max(max(shape) for shape in seen) <= 32 + 2 * 8
