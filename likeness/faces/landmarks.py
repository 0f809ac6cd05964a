# pyright: basic
# mostly LiteRT calls, which are untyped.
"""MediaPipe's face mesh: 468 3-D landmarks of a face whose place is roughly known."""

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from tempfile import TemporaryFile

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from likeness.faces.crop import warp
from likeness.faces.face import LANDMARKS, Face, Floats
from likeness.faces.mesh import FACE_OVAL, MARKS
from likeness.faces.models import FACE_MESH, locate

SIDE_PX = 192
"""Side of the network's input."""

REGION_SCALE = 1.5
"""The region's side over the face's longer side (MediaPipe, face_landmark_landmarks_to_roi)."""

PRESENCE = 0.5
"""The network's own threshold for "this is a face" (MediaPipe, face_landmark.proto)."""

OUTER_EYE_CORNERS = (33, 263)

CHATTER = b"INFO: Created TensorFlow Lite"
STDERR = 2
_one_at_a_time = threading.Lock()


@contextmanager
def without_chatter() -> Generator[None]:
    """Inside, the line is left out that LiteRT writes to standard error in C++, through no logger that can be set; what
    else is written there comes out at the end."""
    with _one_at_a_time, TemporaryFile() as written:
        sys.stderr.flush()
        kept = os.dup(STDERR)
        os.dup2(written.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            written.seek(0)
            os.write(STDERR, b"".join(line for line in written if not line.startswith(CHATTER)))


def outline_px(face: Face) -> tuple[tuple[float, float], ...] | None:
    """The corners (x, y) of a face's outline in its image's pixels; None where its landmarks mean nothing."""
    if face.landmark_score < PRESENCE:
        return None
    corners = face.landmarks[list(FACE_OVAL), :2]
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in corners)


def marks_px(face: Face) -> dict[str, tuple[float, float, float]]:
    """The points (x, y, z) of MARKS, and the `middle` of all landmarks, in the face's image's pixels."""
    points = {name: face.landmarks[index].tolist() for name, index in MARKS.items()}
    points["middle"] = face.landmarks.mean(axis=0).tolist()
    return {name: (round(x, 2), round(y, 2), round(z, 2)) for name, (x, y, z) in points.items()}


class FaceMesh:
    """One interpreter; not for use by several threads at once."""

    def __init__(self) -> None:
        # One thread: sums come out in one order, and the callers' threads have the cores.
        with without_chatter():
            self._net = Interpreter(model_path=str(locate(FACE_MESH)), num_threads=1)
            self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._points, self._presence = (detail["index"] for detail in self._net.get_output_details())

    def landmarks(self, rgb: NDArray[np.uint8], box_px: Floats, eyes: Floats) -> tuple[Floats, float]:
        """Landmarks [468, 3] in image pixels and the network's confidence 0..1 in them.

        `box_px` is x, y, width, height; `eyes` [2, 2] the image-left and image-right one. A second pass looks
        at the region that the first pass's landmarks span, as the network was trained: shifted, scaled and
        turned copies of a photo then agree within .3 % of the eyes' distance instead of .8 %.
        """
        x, y, width, height = (float(value) for value in box_px)
        centre = np.array([x + width / 2, y + height / 2])
        first, first_score = self._look(rgb, centre, REGION_SCALE * max(width, height), eyes[1] - eyes[0])
        eye_line = first[OUTER_EYE_CORNERS[1], :2] - first[OUTER_EYE_CORNERS[0], :2]
        angle = np.arctan2(eye_line[1], eye_line[0])
        upright = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        turned = first[:, :2] @ upright.T
        low, high = turned.min(0), turned.max(0)
        centre = upright.T @ ((low + high) / 2)
        second, second_score = self._look(rgb, centre, REGION_SCALE * float((high - low).max()), eye_line)
        if second_score < min(first_score, PRESENCE):
            return first, first_score
        return second, second_score

    def _look(
        self, rgb: NDArray[np.uint8], centre: NDArray[np.float64], side: float, eye_line: Floats
    ) -> tuple[Floats, float]:
        scale = SIDE_PX / max(side, 1.0)
        angle = float(np.degrees(np.arctan2(eye_line[1], eye_line[0])))
        matrix = np.asarray(cv2.getRotationMatrix2D(centre.tolist(), angle, scale), np.float64)
        matrix[:, 2] += SIDE_PX / 2 - centre
        crop = warp(rgb, matrix, SIDE_PX)
        self._net.set_tensor(self._input, crop[None].astype(np.float32) / 255)
        self._net.invoke()
        raw = np.array(self._net.get_tensor(self._points), np.float64).reshape(LANDMARKS, 3)
        logit = float(np.array(self._net.get_tensor(self._presence)).reshape(-1)[0])
        back = cv2.invertAffineTransform(matrix)
        xy = raw[:, :2] @ back[:, :2].T + back[:, 2]
        points = np.column_stack([xy, raw[:, 2] / scale]).astype(np.float32)
        return points, float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))
