# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Pose, sharpness, mouth and eyes, measured from landmarks and pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.face import Floats

SHARPNESS_SIDE_PX = 128


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of landmarks [468, 3]."""
    right = landmarks[[263, 454]].mean(0) - landmarks[[33, 234]].mean(0)
    down = landmarks[152] - landmarks[10]
    right = right / np.linalg.norm(right)
    forward = np.cross(down, right)
    forward /= np.linalg.norm(forward)
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(-forward[1]))
    roll = np.degrees(np.arctan2(right[1], right[0]))
    return float(yaw), float(pitch), float(roll)


def sharpness(rgb: NDArray[np.uint8], points5: Floats) -> float:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / max(float(grey.var()), 1.0))


def mouth_open(landmarks: Floats) -> float:
    """Gap between the inner lips over the mouth's width."""
    gap = np.linalg.norm(landmarks[13] - landmarks[14])
    return float(gap / np.linalg.norm(landmarks[78] - landmarks[308]))


def eyes_open(landmarks: Floats) -> float:
    """Lid gap over the eye's width, mean of both eyes."""
    right = np.linalg.norm(landmarks[159] - landmarks[145]) / np.linalg.norm(landmarks[33] - landmarks[133])
    left = np.linalg.norm(landmarks[386] - landmarks[374]) / np.linalg.norm(landmarks[362] - landmarks[263])
    return float(right + left) / 2
