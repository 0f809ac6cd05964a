# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Flaws of a source that would look wrong on another face: a cast shadow, grey teeth, eyes that look in different
directions."""

import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face, mesh
from likeness.images import Lab
from likeness.swap import regions

# Light is compared over spots of this share of the face's width.
SPOT = 0.025
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415)
# A mouth this far open (gap over width) may show teeth: pixels of less redness than this share of the lips', and so many.
OPEN, LESS_RED, SEEN = 0.04, 0.6, 0.15
# The lightest fifth of them are teeth and not the dark between.
TEETH_PERCENTILE = 80
# The darkest part of an eye is iris and pupil.
IRIS_PERCENTILE = 40
MIN_EYE_PX = 20


def shadow(lab: Lab, points: NDArray[np.float64], width_px: float) -> float:
    """How unevenly the light differs between mirrored spots of the cheeks: 0 for light from one side, as slow as it may be; .1 and
    more where a nose casts a hard shadow (or a head is turned far)."""
    light = regions.light(lab, SPOT * width_px)
    rows, columns = np.round(points[:, 1]).astype(int), np.round(points[:, 0]).astype(int)
    at = light[np.clip(rows, 0, light.shape[0] - 1), np.clip(columns, 0, light.shape[1] - 1)]
    left, right = at[list(mesh.LEFT_CHEEK)], at[list(mesh.RIGHT_CHEEK)]
    return round(float(((left - right) / np.maximum(left + right, 1.0)).std()), 4)


def teeth(lab: Lab, points: NDArray[np.float64], cheek: float, face: Face) -> float:
    """Lightness of the teeth as a share of the cheeks'; 1 where none are seen."""
    shape = lab.shape[:2]
    inner, lips = (regions.hull(points[list(group)], shape) for group in (LIPS_INNER, mesh.LIPS_OUTER))
    ring = lips & ~inner
    if face.mouth_open < OPEN or not inner.any() or not ring.any():
        return 1.0
    pale = inner & (lab[..., 1] < LESS_RED * float(np.median(lab[ring][:, 1])))
    if pale.sum() < SEEN * inner.sum():
        return 1.0
    return round(float(np.percentile(lab[pale][:, 0], TEETH_PERCENTILE)) / max(cheek, 1.0), 4)


def gaze_apart(lab: Lab, points: NDArray[np.float64]) -> float:
    """How differently the two eyes look aside: the irises' places between the corners, 0 to 1 each, apart; 0 for eyes too small
    to tell."""
    places: list[float] = []
    for eye in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        corners = points[list(eye), 0]
        low, wide = corners.min(), corners.max() - corners.min()
        rows, columns = np.nonzero(regions.hull(points[list(eye)], lab.shape[:2]))
        if wide < MIN_EYE_PX or not len(rows):
            return 0.0
        light = lab[rows, columns, 0]
        dark = np.clip(np.percentile(light, IRIS_PERCENTILE) - light, 0, None)
        places.append(float((columns * dark).sum() / max(dark.sum(), 1e-6) - low) / float(wide))
    return round(abs(places[0] - places[1]), 4)
