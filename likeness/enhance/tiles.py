"""Run a network over an image piece by piece, so that memory does not grow with the image."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def tiled(
    network: Callable[[Floats], Floats], image: Floats, *, scale: int, tile_px: int, overlap_px: int
) -> Floats:
    """`network` of an image [C, H, W] in tiles: float32 [C, scale * H, scale * W].

    Each tile is computed with `overlap_px` more of the image on each side, which is then cut off. With an
    overlap of at least the network's receptive radius the result is what the whole image would have given,
    without seams.
    """
    channels, height, width = image.shape
    result = np.empty((channels, height * scale, width * scale), np.float32)
    for top, bottom in _pieces(height, tile_px):
        for left, right in _pieces(width, tile_px):
            y, x = max(0, top - overlap_px), max(0, left - overlap_px)
            tile = network(image[:, y : bottom + overlap_px, x : right + overlap_px])
            result[:, top * scale : bottom * scale, left * scale : right * scale] = tile[
                :, (top - y) * scale : (bottom - y) * scale, (left - x) * scale : (right - x) * scale
            ]
    return result


def _pieces(length: int, tile_px: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, tile_px):
        yield start, min(start + tile_px, length)
