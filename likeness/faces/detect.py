# pyright: basic
# mostly cv2 calls, which are untyped.
"""YuNet: face boxes and 5 points, in pictures of any size and faces of any share of them.

Source: OpenCV 4.14, face_detect.cpp, which runs the same file (the maps, what is made of them, and which boxes stay).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.models import YUNET, weights
from likeness.faces.onnx_file import with_floats
from likeness.faces.session import LazySession

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

STRIDES_PX = (8, 16, 32)
"""YuNet looks for faces of three sizes: each map's cells are so far apart."""

TOP_K = 500

_YUNET = LazySession(lambda: with_floats(weights(YUNET), (1, 3, 0, 0)))


def face_rows(rgb: NDArray[np.uint8], long_sides_px: Sequence[int] = LONG_SIDES_PX) -> NDArray[np.float32]:
    """Faces of an image [H, W, 3], largest first, as [N, 15]: x, y, width, height, 5 points, score."""
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        return np.empty((0, 15), np.float32)
    scales = sorted({min(1.0, side / max(height, width)) for side in long_sides_px}, reverse=True)
    rows = _same_faces_once(np.concatenate([_rows_at(rgb, scale) for scale in scales]))
    return rows[np.argsort(-rows[:, 2] * rows[:, 3], kind="stable")]


def _rows_at(rgb: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
    height, width = rgb.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    rows = _looked_at(rgb if scale == 1.0 else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    rows = rows[(rows[:, 2:4] >= 1).all(1)]
    rows[:, 0:14:2] *= width / size[0]
    rows[:, 1:14:2] *= height / size[1]
    return rows


def _looked_at(rgb: cv2.typing.MatLike) -> NDArray[np.float32]:
    """The faces of an image in its own size, the surest first."""
    right, bottom = (-side % max(STRIDES_PX) for side in (rgb.shape[1], rgb.shape[0]))
    canvas = cv2.copyMakeBorder(rgb, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    maps = _YUNET.outputs(np.asarray(cv2.dnn.blobFromImage(canvas, swapRB=True), np.float32))
    found = [
        _cells(maps[level :: len(STRIDES_PX)], stride, canvas.shape[1] // stride)
        for level, stride in enumerate(STRIDES_PX)
    ]
    rows = np.concatenate(found)
    rows = rows[np.isfinite(rows).all(1)]
    boxes, scores = np.trunc(rows[:, :4]), rows[:, 14]  # OpenCV compares boxes in whole pixels
    kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), MIN_SCORE, MAX_IOU, top_k=TOP_K)
    return rows[np.array(kept, int)]


def _cells(maps: Sequence[NDArray[np.float32]], stride: int, columns: int) -> NDArray[np.float32]:
    """The faces that one size's maps, each [1, cells, values], show by MIN_SCORE and more."""
    is_face, is_centre, boxes, points = (of_cells[0] for of_cells in maps)
    scores = np.sqrt(np.clip(is_face[:, 0], 0, 1) * np.clip(is_centre[:, 0], 0, 1))
    cells = np.flatnonzero(scores >= MIN_SCORE)
    places = np.column_stack([cells % columns, cells // columns]).astype(np.float32)
    with np.errstate(over="ignore"):
        middles, sides = boxes[cells, :2] + places, np.exp(boxes[cells, 2:])
    corners = points[cells] + np.tile(places, 5)
    return np.column_stack([np.hstack([middles - sides / 2, sides, corners]) * stride, scores[cells]])


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
