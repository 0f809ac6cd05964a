"""Names for some of the 468 face-mesh landmarks (MediaPipe's canonical face; left and right are the image's)."""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
# Single points that a stage after swap measures by: MediaPipe's numbers; left and right are the person's.
MARKS = {
    "forehead": 10, "chin": 152, "right_side": 234, "left_side": 454, "right_cheek": 50, "left_cheek": 280,
    "mouth_right": 61, "mouth_left": 291, "lip_upper": 13, "lip_lower": 14, "eye_right": 33, "eye_left": 263,
}  # fmt: skip
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
NOSE = (6, 122, 188, 114, 217, 126, 142, 36, 203, 98, 97, 2, 326, 327, 423, 266, 371, 355, 437, 343, 412, 351, 168)  # fmt: skip
NOSTRILS = (98, 97, 2, 326, 327, 294, 278, 4, 48, 64)
LEFT_CHEEK = (50, 101, 118, 117, 123, 147, 187, 205, 36)
RIGHT_CHEEK = (280, 330, 347, 346, 352, 376, 411, 425, 266)
# Bone and cartilage: what expression and hair move least.
RIGID = (33, 133, 263, 362, 168, 6, 197, 195, 5, 4, 1, 98, 327, 61, 291, 0, 17, 70, 300, 105, 334, 199)
SIDES = (234, 454)
"""The outline's widest points: their distance is the width of the face."""


@cache
def triangles() -> NDArray[np.int64]:
    """[T, 3] landmark indices: a Delaunay triangulation of a neutral frontal face (jade_01), counted once and kept,
    so that every face is cut into the same triangles."""
    with (files("likeness.faces") / "triangles.npy").open("rb") as file:
        return np.load(file).astype(np.int64)
