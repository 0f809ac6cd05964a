# pyright: basic, reportReturnType=false, reportArgumentType=false
# cv2 calls are untyped.
"""Does a face wear glasses? A frame crosses the bridge of the nose as a narrow band of another lightness.

Measured on the 18 sitters, who wear none: .004-.056. With drawn frames on them: dark ones .09-.89 (35 of 36 above
.15), brown ones .07-.58 (16 of 18). Pale metal and rimless glasses are not seen.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face

INNER_CORNERS = (133, 362)
"""Landmarks of the eyes' inner corners; their distance is the unit below."""

PATCH_COLUMNS, PATCH_ROWS = 16, 48
PATCH_HALF_WIDTH = 0.25
PATCH_TOP, PATCH_BOTTOM = -0.9, 0.7
# Skin changes slowly along the bridge, a frame within a few of the 48 rows.
MEDIAN_ROWS = 15
RIM_ROWS = 4
# The patch is read at about this many pixels between the corners, so that grain does not count.
READ_AT_PX = 30.0


def bridge_contrast(rgb: NDArray[np.uint8], face: Face) -> float:
    """The strongest narrow band across the bridge of the nose, as a share of the skin's lightness."""
    left, right = (face.landmarks[index, :2].astype(float) for index in INNER_CORNERS)
    width = float(np.linalg.norm(right - left))
    if width < 1:
        return 0.0
    across = (right - left) / width
    down = np.array([-across[1], across[0]])
    x = np.linspace(-PATCH_HALF_WIDTH, PATCH_HALF_WIDTH, PATCH_COLUMNS) * width
    y = np.linspace(PATCH_TOP, PATCH_BOTTOM, PATCH_ROWS) * width
    points = (left + right) / 2 + x[None, :, None] * across + y[:, None, None] * down
    low = np.maximum(np.floor(points.min((0, 1))).astype(int) - 2, 0)
    high = np.ceil(points.max((0, 1))).astype(int) + 3
    region = rgb[low[1] : high[1], low[0] : high[0]]
    lightness = cv2.cvtColor(region, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    if width > READ_AT_PX:
        lightness = cv2.GaussianBlur(lightness, (0, 0), 0.5 * width / READ_AT_PX)
    where = (points - low).astype(np.float32)
    patch = cv2.remap(
        lightness, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    rows = np.median(patch, axis=1)
    padded = np.pad(rows, MEDIAN_ROWS // 2, mode="edge")
    slow = np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_ROWS), axis=1)
    return float(np.abs(rows - slow)[RIM_ROWS:-RIM_ROWS].max() / max(float(np.median(rows)), 1.0))
