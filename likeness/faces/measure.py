"""Pose, sharpness, mouth and eyes of a face, measured from its landmarks and pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.faces.face import Floats

DEPTH_SCALE = 1.15
"""The mesh's depth is flatter than its width. Measured: yaw comes out at 1.03 of the truth on 546 rendered
portraits of 256 px (mean error 2.2 degrees) and at .89 on the 18 synthetic people (2.6 degrees); without this factor
at .92 and .78."""

LEVEL_PITCH_DEG = 4.0
"""Added so that a level head reads 0: the line from forehead to chin leans back. Median of the 18 synthetic people."""

SHARPNESS_SIDE_PX = 96
"""Side of the aligned square that sharpness is measured on: about 30 px between the eyes, so that faces of
70 px and more are judged by what is seen at one size."""

BLUR_TAPS = 9
"""Length of the averaging filter of the blur measure (Crete et al. 2007)."""

LUMA_RGB = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""

# Landmarks: outer eye corner and the face's edge beside the ear, on the image's left and right side of a
# frontal face; top of the forehead; chin.
LEFT_SIDE, RIGHT_SIDE = [33, 234], [263, 454]
FOREHEAD, CHIN = 10, 152


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of landmarks [468, 3]; signs as in `Face`.

    The head is turned upright first, so that a lean does not read as a turn.
    """
    points = np.asarray(landmarks, np.float64) * [1.0, 1.0, DEPTH_SCALE]
    across = points[RIGHT_SIDE].mean(0) - points[LEFT_SIDE].mean(0)
    roll = np.arctan2(across[1], across[0])
    cos, sin = np.cos(roll), np.sin(roll)
    upright = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    forward = np.cross(upright @ (points[CHIN] - points[FOREHEAD]), upright @ across)
    forward /= max(float(np.linalg.norm(forward)), 1e-9)
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(-forward[1])) + LEVEL_PITCH_DEG
    return float(yaw), float(pitch), float(np.degrees(roll))


def sharpness(rgb: NDArray[np.uint8], points5: Floats) -> float:
    """How much of the face's edges a blur would take away, 0 (nothing left to take) to 1; no unit.

    Measured on the aligned face at one size, so the photograph's resolution does not matter, and as a ratio,
    so neither do contrast and (much) uneven light. The synthetic people's faces: .49 and more, `blurred` .15; a Gaussian
    blur of 1 % of the face's width gives about .46, 2 % .33.

    Source: Crete, Dolmiere, Ladret, Nicolas 2007, "The blur effect", doi:10.1117/12.702790; this is 1 - it.
    """
    template = FACE_TEMPLATE * (SHARPNESS_SIDE_PX / FACE_TEMPLATE_SIDE_PX)
    crop = warp(rgb, similarity_transform(points5, template), SHARPNESS_SIDE_PX)
    grey = crop.astype(np.float32) @ LUMA_RGB
    return min(_lost_to_blur(grey), _lost_to_blur(grey.T))


def light(rgb: NDArray[np.uint8], points5: Floats) -> tuple[float, float, float]:
    """Percentiles 5, 50 and 95 of the luma 0..255 of the aligned face."""
    return luma(warp(rgb, similarity_transform(points5, FACE_TEMPLATE), FACE_TEMPLATE_SIDE_PX))


def luma(rgb: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Percentiles 5, 50 and 95 of the luma 0..255 of an image."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    low, middle, high = np.percentile(grey, (5, 50, 95))
    return round(float(low), 1), round(float(middle), 1), round(float(high), 1)


def mouth_open(landmarks: Floats) -> float:
    """Gap between the inner lips over the inner mouth's width."""
    return _ratio(landmarks, (13, 14), (78, 308))


def eyes_open(landmarks: Floats) -> float:
    """Gap between the lids over the eye's width, mean of both eyes."""
    right = _ratio(landmarks, (159, 145), (33, 133))
    left = _ratio(landmarks, (386, 374), (362, 263))
    return (right + left) / 2


def _lost_to_blur(grey: NDArray[np.float32]) -> float:
    """Share of the differences between neighbours in a row that averaging along the row removes."""
    padded = np.pad(grey, ((0, 0), (BLUR_TAPS // 2, BLUR_TAPS // 2)), mode="reflect")
    blurred = np.lib.stride_tricks.sliding_window_view(padded, BLUR_TAPS, axis=1).mean(-1)
    before, after = np.abs(np.diff(grey, axis=1)), np.abs(np.diff(blurred, axis=1))
    total = float(before.sum())
    return float(np.maximum(before - after, 0).sum()) / total if total > 0 else 0.0


def _ratio(landmarks: Floats, gap: tuple[int, int], width: tuple[int, int]) -> float:
    across = float(np.linalg.norm(landmarks[width[0]] - landmarks[width[1]]))
    return float(np.linalg.norm(landmarks[gap[0]] - landmarks[gap[1]])) / max(across, 1e-6)
