# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Cut an aligned square out of a photograph without aliasing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.face import Floats

FACE_TEMPLATE_SIDE_PX = 112
FACE_TEMPLATE: Floats = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
"""Where the 5 points lie in the 112 px square SFace was trained on (ArcFace's; OpenCV, face_recognize.cpp)."""

# dlib's five mean points in the unit square of a chip without padding (image_transforms/interpolation.h,
# get_face_chip_details), and the face-mesh landmarks at the same places: outer and inner corner of the eye at
# the image's right, outer and inner corner of the other one, base of the nose.
DLIB_TEMPLATE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
DLIB_LANDMARKS = (263, 362, 33, 133, 2)
DLIB_MEANS_RGB = (122.782, 117.001, 104.298)
"""Subtracted before dividing by 256: dlib's input_rgb_image_sized."""

FACE_MIDDLE_Y = 0.46
"""Where the middle of a face lies in the height of a square cut around it: hair needs less room than shoulders."""

MARGIN_PX = 4
"""Kept around a cut-out region, so that interpolation at its edge sees real pixels."""


def similarity_transform(points: Floats, goal: Floats) -> NDArray[np.float64]:
    """Rotation, scale and shift that take `points` [N, 2 or 3] nearest to `goal`, as [2, 3] or [3, 4].

    Source: Umeyama 1991, least squares, no reflection; what dlib and SFace's alignment use.
    """
    from_points, to_points = np.asarray(points, np.float64), np.asarray(goal, np.float64)
    source_mean, goal_mean = from_points.mean(0), to_points.mean(0)
    source = from_points - source_mean
    left, values, right = np.linalg.svd((to_points - goal_mean).T @ source)
    sign = np.ones(len(values))
    sign[-1] = np.sign(np.linalg.det(left @ right))
    spread = max(float((source**2).sum()), 1e-9)
    rotation = (left * sign) @ right * ((values * sign).sum() / spread)
    return np.column_stack([rotation, goal_mean - rotation @ source_mean])


def face_square(
    image_px: tuple[int, int], face_box_px: tuple[float, float, float, float], face_fraction: float
) -> tuple[float, float, float, float]:
    """The square (left, top, right, bottom) of an image (width, height) in which a face box (x, y, width, height)
    has this share of the height, its middle at FACE_MIDDLE_Y; moved, then made smaller, to lie in the image."""
    width, height = image_px
    x, y, w, h = face_box_px
    side = min(h / face_fraction, width, height)
    left = min(max(x + w / 2 - side / 2, 0.0), width - side)
    top = min(max(y + h / 2 - FACE_MIDDLE_Y * side, 0.0), height - side)
    return left, top, min(left + side, float(width)), min(top + side, float(height))


def scale_of(matrix: NDArray[np.float64]) -> float:
    """Output pixels per input pixel of a similarity [2, 3] or [3, 4]."""
    sides = len(matrix)
    return float(abs(np.linalg.det(matrix[:, :sides])) ** (1 / sides))


def warp(rgb: NDArray[np.uint8], matrix: NDArray[np.float64], side_px: int) -> NDArray[np.uint8]:
    """Apply a similarity [2, 3] (image to output pixels) and return [side_px, side_px, 3].

    What lies outside the image is black. A large region is first shrunk by area averaging: bilinear sampling
    alone skips pixels below half size, and its aliasing reads as sharpness. A small one is enlarged
    bicubically.
    """
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [side_px, 0], [0, side_px], [side_px, side_px]]) @ back[:, :2].T + back[:, 2]
    height, width = rgb.shape[:2]
    low = np.clip(np.floor(corners.min(0)).astype(int) - MARGIN_PX, 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(0)).astype(int) + MARGIN_PX, low + 1, [width, height])
    region = rgb[low[1] : high[1], low[0] : high[0]]
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ low])
    scale = scale_of(matrix)
    if scale >= 1.0:
        return np.asarray(cv2.warpAffine(region, matrix, (side_px, side_px), flags=cv2.INTER_CUBIC), np.uint8)
    size = np.maximum(np.round((high - low) * scale).astype(int), 1)
    region = cv2.resize(region, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    shrink = size / (high - low)
    # Pixel centres: small + 0.5 = shrink * (large + 0.5).
    linear = matrix[:, :2] / shrink
    matrix = np.column_stack([linear, matrix[:, 2] + linear @ (0.5 - 0.5 * shrink)])
    return np.asarray(cv2.warpAffine(region, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR), np.uint8)


def dlib_chip(rgb: NDArray[np.uint8], landmarks: Floats, side_px: int, padding: float) -> NDArray[np.uint8]:
    """The aligned face [side_px, side_px, 3] as dlib's networks were trained on it, from landmarks [468, 3]; `padding` is the
    share of the chip added around the face."""
    template = ((padding + DLIB_TEMPLATE) / (2 * padding + 1) * side_px).astype(np.float32)
    return warp(rgb, similarity_transform(landmarks[DLIB_LANDMARKS, :2], template), side_px)


def dlib_input(rgb: NDArray[np.uint8], landmarks: Floats, side_px: int, padding: float) -> Floats:
    """`dlib_chip` as dlib's networks take it: [1, 3, side_px, side_px] around 0."""
    chip = dlib_chip(rgb, landmarks, side_px, padding).astype(np.float32)
    tensor = ((chip - np.array(DLIB_MEANS_RGB, np.float32)) / 256).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(tensor, np.float32)
