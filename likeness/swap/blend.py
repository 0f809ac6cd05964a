# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Laplacian pyramid blending (Burt & Adelson 1983, A Multiresolution Spline): no seam at any scale."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def blend(inner: Image, outer: Image, mask: Image, levels: int) -> Image:
    """`inner` where `mask` [H, W] is 1, `outer` where it is 0; images float32 [H, W, 3], any range."""
    pyramids = _laplacian(inner, levels), _laplacian(outer, levels), _gaussian(mask, levels)
    out = None
    for a, b, m in zip(*(pyramid[::-1] for pyramid in pyramids), strict=True):
        level = a * m[..., None] + b * (1 - m[..., None])
        out = level if out is None else cv2.pyrUp(out, dstsize=level.shape[1::-1]) + level
    return out  # pyright: ignore[reportReturnType]


def smoothstep(x: NDArray[np.floating]) -> Image:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _gaussian(image: Image, levels: int) -> list[Image]:
    out = [image]
    for _ in range(levels):
        out.append(np.asarray(cv2.pyrDown(out[-1]), np.float32))
    return out


def _laplacian(image: Image, levels: int) -> list[Image]:
    gaussian = _gaussian(image, levels)
    fine = [a - cv2.pyrUp(b, dstsize=a.shape[1::-1]) for a, b in pairwise(gaussian)]
    return [*fine, gaussian[-1]]
