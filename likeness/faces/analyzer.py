# pyright: basic
# mostly cv2 calls, which are untyped.
"""Find the faces of an image and measure them."""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces import measure
from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.faces.detect import Detector
from likeness.faces.face import Face, Floats
from likeness.faces.landmarks import FaceMesh
from likeness.faces.models import SFACE, locate


class _Models:
    """Everything loaded, for one thread."""

    def __init__(self) -> None:
        self.detector = Detector()
        self.mesh = FaceMesh()
        self.sface = cv2.FaceRecognizerSF.create(str(locate(SFACE)), "")


class FaceAnalyzer:
    """Faces of RGB images, on CPU; cheap to construct, models are loaded once per thread on first use."""

    def __init__(self) -> None:
        self._local = threading.local()

    def faces(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """All faces of an image uint8 [H, W, 3], upright, any size; largest first, none is an empty list.

        Raises:
            ConfigError: a weights package is missing or another release (see `models.locate`).
        """
        return [self._face(rgb, row) for row in self._models().detector.rows(rgb)]

    def embed(self, rgb: NDArray[np.uint8], face: Face) -> Floats:
        """SFace embedding [128], unit length, of a face known by its `points5` in these pixels."""
        return self._embedding(rgb, face.points5)

    def _models(self) -> _Models:
        if not hasattr(self._local, "models"):
            self._local.models = _Models()
        return self._local.models

    def _face(self, rgb: NDArray[np.uint8], row: NDArray[np.float32]) -> Face:
        points5 = row[4:14].reshape(5, 2).copy()
        landmarks, landmark_score = self._models().mesh.landmarks(rgb, row[:4], points5[:2])
        yaw, pitch, roll = measure.pose(landmarks)
        x, y, width, height = (float(value) for value in row[:4])
        return Face(
            box_px=(x, y, width, height),
            score=float(row[14]),
            points5=points5,
            landmarks=landmarks,
            landmark_score=landmark_score,
            embedding=self._embedding(rgb, points5),
            yaw_deg=yaw,
            pitch_deg=pitch,
            roll_deg=roll,
            sharpness=measure.sharpness(rgb, points5),
            mouth_open=measure.mouth_open(landmarks),
            eyes_open=measure.eyes_open(landmarks),
        )

    def _embedding(self, rgb: NDArray[np.uint8], points5: Floats) -> Floats:
        crop = warp(rgb, similarity_transform(points5, FACE_TEMPLATE), FACE_TEMPLATE_SIDE_PX)
        feature = self._models().sface.feature(cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
        vector = np.array(feature, np.float32).reshape(-1)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)
