# pyright: basic
# mostly cv2 and LiteRT calls, which are untyped.
"""Find the faces of an image and measure them."""

import threading

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from likeness.faces import measure
from likeness.faces.crop import warp
from likeness.faces.face import LANDMARKS, Face, Floats
from likeness.faces.models import FACE_MESH, SFACE, YUNET, locate

DETECT_SIDES_PX = (1280, 640)
MIN_SCORE = 0.7
NMS_IOU = 0.3
TOP_K = 500
MESH_SIDE_PX = 192
ROI_SCALE = 1.5


class FaceAnalyzer:
    """Faces of RGB images; cheap to construct, one set of models per thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def faces(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """All faces of an image uint8 [H, W, 3] RGB, largest first."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        rows = self._detect(bgr)
        found = [self._measure(rgb, bgr, row) for row in rows]
        return sorted(found, key=lambda face: -face.box_px[2] * face.box_px[3])

    def _models(self):
        if not hasattr(self._local, "models"):
            yunet = cv2.FaceDetectorYN.create(str(locate(YUNET)), "", (320, 320), MIN_SCORE, NMS_IOU, TOP_K)
            sface = cv2.FaceRecognizerSF.create(str(locate(SFACE)), "")
            mesh = Interpreter(model_path=str(locate(FACE_MESH)), num_threads=1)
            mesh.allocate_tensors()
            self._local.models = yunet, sface, mesh
        return self._local.models

    def _detect(self, bgr) -> NDArray[np.float32]:
        yunet = self._models()[0]
        height, width = bgr.shape[:2]
        found = []
        for side in DETECT_SIDES_PX:
            scale = min(1.0, side / max(height, width))
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = bgr if scale == 1.0 else cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
            yunet.setInputSize(size)
            _, rows = yunet.detect(small)
            if rows is not None:
                rows = rows.copy()
                rows[:, 0:14:2] *= width / size[0]
                rows[:, 1:14:2] *= height / size[1]
                found.append(rows)
        if not found:
            return np.empty((0, 15), np.float32)
        rows = np.concatenate(found)
        keep = cv2.dnn.NMSBoxes(rows[:, :4].tolist(), rows[:, 14].tolist(), MIN_SCORE, NMS_IOU)
        return rows[np.asarray(keep).reshape(-1)]

    def _measure(self, rgb, bgr, row) -> Face:
        _, sface, _ = self._models()
        points5 = row[4:14].reshape(5, 2).astype(np.float32)
        crop = sface.alignCrop(bgr, row)
        feature = sface.feature(crop).reshape(-1)
        landmarks = self._landmarks(rgb, row, points5)
        yaw, pitch, roll = measure.pose(landmarks)
        return Face(
            box_px=tuple(float(v) for v in row[:4]),
            score=float(row[14]),
            points5=points5,
            landmarks=landmarks,
            embedding=(feature / np.linalg.norm(feature)).astype(np.float32),
            yaw_deg=yaw,
            pitch_deg=pitch,
            roll_deg=roll,
            sharpness=measure.sharpness(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), points5),
            mouth_open=measure.mouth_open(landmarks),
            eyes_open=measure.eyes_open(landmarks),
        )

    def _landmarks(self, rgb, row, points5) -> Floats:
        x, y, w, h = (float(v) for v in row[:4])
        eyes = points5[1] - points5[0]
        landmarks = self._mesh(rgb, (x + w / 2, y + h / 2), ROI_SCALE * max(w, h), eyes)
        # Second pass: the network was trained on regions set by its own landmarks.
        eyes = landmarks[263, :2] - landmarks[33, :2]
        angle = np.arctan2(eyes[1], eyes[0])
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        upright = landmarks[:, :2] @ turn.T
        low, high = upright.min(0), upright.max(0)
        centre = turn.T @ ((low + high) / 2)
        return self._mesh(rgb, centre, ROI_SCALE * float((high - low).max()), eyes)

    def _mesh(self, rgb, centre, side, eyes) -> Floats:
        mesh = self._models()[2]
        scale = MESH_SIDE_PX / side
        angle = np.degrees(np.arctan2(eyes[1], eyes[0]))
        matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), float(angle), scale)
        matrix[:, 2] += MESH_SIDE_PX / 2 - np.asarray(centre)
        crop = warp(rgb, matrix, MESH_SIDE_PX)
        mesh.set_tensor(mesh.get_input_details()[0]["index"], crop[None].astype(np.float32) / 255)
        mesh.invoke()
        raw = mesh.get_tensor(mesh.get_output_details()[0]["index"]).reshape(LANDMARKS, 3)
        back = cv2.invertAffineTransform(matrix)
        xy = raw[:, :2] @ back[:, :2].T + back[:, 2]
        rotation_scaled = np.column_stack([xy, raw[:, 2] / scale])
        return rotation_scaled.astype(np.float32)
