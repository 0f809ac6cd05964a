# pyright: basic
# dlib's binding is untyped.
"""dlib's recognition network: a second embedder, of another family and with other training than SFace."""

import threading

import _dlib_pybind11 as dlib
import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import dlib_chip
from likeness.faces.face import Face, Floats
from likeness.faces.models import RESNET, locate

NAME = "dlib-resnet-v1"
SIDE_PX, PADDING = 150, 0.25
"""Of the chip that the network was trained on (dlib, face_recognition.cpp)."""


class Resnet:
    """Embeddings of faces; cheap to construct, one network per thread."""

    name = NAME

    def __init__(self) -> None:
        self._local = threading.local()

    def embedding(self, rgb: NDArray[np.uint8], face: Face) -> Floats:
        """The 128 numbers of a face of an image [H, W, 3]; not of unit length: they are compared by distance."""
        if not hasattr(self._local, "network"):
            self._local.network = dlib.face_recognition_model_v1(str(locate(RESNET)))
        chip = dlib_chip(rgb, face.landmarks, SIDE_PX, PADDING)
        return np.array(self._local.network.compute_face_descriptor(chip), np.float32)
