# pyright: basic
# mostly cv2 drawing calls, which are untyped.
"""Masks over a face's region: cheeks, features, the oval, and what lies over the skin (hair, shadows)."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces import mesh

Mask = NDArray[np.bool_]

# cv2 draws with this many bits below a pixel.
SUBPIXEL_BITS = 4
FEATURE_GROWTH = 1.15
"""Eyes, brows, lips and nostrils are covered with this much room around them."""

DARK_SHARE = 0.55
"""Inside the oval, lightness below this share of the cheeks' is hair or deep shadow."""

OTHER_CHROMA = 16.0
"""And so is chroma this far from the cheeks', in Lab units."""


def subpixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Points as cv2 draws them with `shift=SUBPIXEL_BITS`."""
    return np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)


def width_of(points: NDArray[np.float64]) -> float:
    """The width of a face of landmarks [468, 2], px."""
    left, right = points[list(mesh.SIDES)]
    return float(np.linalg.norm(right - left))


def from_outline(inside: Mask) -> NDArray[np.float32]:
    """Distance to the outside, px."""
    return np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def light(lab: NDArray[np.float32], spot_px: float) -> NDArray[np.float32]:
    """Lightness [h, w] over spots of this size."""
    return np.asarray(cv2.GaussianBlur(lab[..., 0], (0, 0), max(spot_px, 0.5)), np.float32)


def hull(points: NDArray[np.float64], shape: tuple[int, int], growth: float = 1.0) -> Mask:
    """The convex hull of points [N, 2], grown around its centre."""
    centre = points.mean(0)
    corners = cv2.convexHull(subpixels((points - centre) * growth + centre))
    canvas = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(canvas, corners, 255, shift=SUBPIXEL_BITS)
    return canvas > 0


def oval(points: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """The inside of the face's outline."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [subpixels(points[list(mesh.FACE_OVAL)])], 255, shift=SUBPIXEL_BITS)
    return canvas > 0


def cheeks(points: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """Both cheeks: skin, and nothing else, on nearly every face."""
    return hull(points[list(mesh.LEFT_CHEEK)], shape) | hull(points[list(mesh.RIGHT_CHEEK)], shape)


def eyes(points: NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """Both eyes between the lids."""
    return hull(points[list(mesh.LEFT_EYE)], shape) | hull(points[list(mesh.RIGHT_EYE)], shape)


def features(points: NDArray[np.float64], shape: tuple[int, int], growth: float = FEATURE_GROWTH) -> Mask:
    """Eyes with brows, lips and nostrils: dark or coloured without being hair or shadow."""
    left, right = mesh.LEFT_EYE + mesh.LEFT_BROW, mesh.RIGHT_EYE + mesh.RIGHT_BROW
    canvas = np.zeros(shape, bool)
    for group in (mesh.LIPS_OUTER, mesh.NOSTRILS, left, right):
        canvas |= hull(points[list(group)], shape, growth)
    return canvas


def overlay(lab: NDArray[np.float32], reference: Mask, inside: Mask, spared: Mask, width_px: float) -> Mask:
    """Hair and deep shadow that reach in from the outline: darker or otherwise coloured than the cheeks.

    Only patches that touch the outline count, so that moles and freckles stay.
    """
    median = np.median(lab[reference], axis=0) if reference.any() else np.median(lab[inside], axis=0)
    chroma = np.hypot(lab[..., 1] - median[1], lab[..., 2] - median[2])
    odd = ((lab[..., 0] < DARK_SHARE * median[0]) | (chroma > OTHER_CHROMA)) & inside & ~spared
    odd = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    _, label, stats, _ = cv2.connectedComponentsWithStats(odd)
    depth = max(1, round(0.04 * width_px))
    core = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=depth) > 0
    large = stats[:, cv2.CC_STAT_AREA] >= 0.0015 * width_px**2
    touching = [i for i in np.unique(label[inside & ~core]) if i and large[i]]
    radius = max(1, round(0.02 * width_px))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(np.isin(label, touching).astype(np.uint8), disc) > 0
