# pyright: basic
# mostly cv2 calls, which are untyped.
"""YuNet: face boxes and 5 points, in pictures of any size and faces of any share of them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.models import YUNET, locate

LONG_SIDES_PX = (1280, 640, 320)
"""Each picture is looked at in these sizes (never enlarged): YuNet knows faces of 10 to 300 px (OpenCV Zoo).
Seen: one that fills its frame falls apart into pieces at 1280 and is found whole, at .95, at 320."""

MIN_SCORE = 0.7
"""The 24 faces of the synthetic people score .92 and more; pieces of a face .7 at most."""

MAX_IOU = 0.3
MAX_INSIDE = 0.6
"""Boxes that overlap by more, or lie within a better one by more than this share, are the same face."""

MIN_SIDE_PX = 10
"""YuNet's smallest face; of thinner pictures it reports boxes of infinite size."""

MIN_CANVAS_PX = 64
"""Smaller pictures are framed in black up to this. OpenCV pads to a multiple of 32, and where a side of 32 shrinks
to a map one cell wide its convolution reads memory beside the map (seen with 4.14: other faces at every call)."""

TOP_K = 500


class Detector:
    """One YuNet; not for use by several threads at once."""

    def __init__(self) -> None:
        self._yunet = cv2.FaceDetectorYN.create(str(locate(YUNET)), "", (320, 320), MIN_SCORE, MAX_IOU, TOP_K)

    def rows(
        self, rgb: NDArray[np.uint8], long_sides_px: Sequence[int] = LONG_SIDES_PX
    ) -> NDArray[np.float32]:
        """Faces of an image [H, W, 3], largest first, as [N, 15]: x, y, width, height, 5 points, score."""
        height, width = rgb.shape[:2]
        if min(height, width) < MIN_SIDE_PX:
            return np.empty((0, 15), np.float32)
        scales = sorted({min(1.0, side / max(height, width)) for side in long_sides_px}, reverse=True)
        found = np.concatenate([self._rows_at(rgb, scale) for scale in scales])
        return _largest_first(_same_faces_once(found))

    def _rows_at(self, rgb: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
        height, width = rgb.shape[:2]
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = rgb if scale == 1.0 else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        right, bottom = (max(0, MIN_CANVAS_PX - side) for side in size)
        canvas = cv2.copyMakeBorder(small, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        self._yunet.setInputSize((canvas.shape[1], canvas.shape[0]))
        _, rows = self._yunet.detect(cv2.cvtColor(canvas, cv2.COLOR_RGB2BGR))
        if rows is None:
            return np.empty((0, 15), np.float32)
        rows = np.array(rows, np.float32)
        rows = rows[np.isfinite(rows).all(1) & (rows[:, 2:4] >= 1).all(1)]
        rows[:, 0:14:2] *= width / size[0]
        rows[:, 1:14:2] *= height / size[1]
        return rows


def _same_faces_once(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The best row of each face. Scores are compared by the tenth: the sizes come largest first, and of about
    equal finds the one in the largest picture has the most exact points."""
    kept: list[int] = []
    for index in np.argsort(-np.round(rows[:, 14], 1), kind="stable"):
        if not any(_same(rows[index], rows[other]) for other in kept):
            kept.append(int(index))
    return rows[kept]


def _same(row: NDArray[np.float32], better: NDArray[np.float32]) -> bool:
    low = np.maximum(row[:2], better[:2])
    high = np.minimum(row[:2] + row[2:4], better[:2] + better[2:4])
    shared = float(np.prod(np.maximum(high - low, 0)))
    area, other = float(row[2] * row[3]), float(better[2] * better[3])
    return shared > MAX_IOU * (area + other - shared) or shared > MAX_INSIDE * min(area, other)


def _largest_first(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows[np.argsort(-rows[:, 2] * rows[:, 3], kind="stable")]
