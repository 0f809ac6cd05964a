# pyright: basic
# dlib's binding is untyped.
"""dlib's recognition network: a second embedder, of another family and with other training than SFace."""

import _dlib_pybind11 as dlib
import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import dlib_chip
from likeness.faces.face import Face, Floats
from likeness.faces.models import RESNET, Pool, locate

NAME = "dlib-resnet-v1"
SIDE_PX, PADDING = 150, 0.25
"""Of the chip that the network was trained on (dlib, face_recognition.cpp)."""


_NETWORKS = Pool(lambda: dlib.face_recognition_model_v1(str(locate(RESNET))))


class Resnet:
    """Embeddings of faces; cheap to construct: the network is the process's."""

    name = NAME

    def embedding(self, rgb: NDArray[np.uint8], face: Face) -> Floats:
        """The 128 numbers of a face of an image [H, W, 3]; not of unit length: they are compared by distance."""
        chip = dlib_chip(rgb, face.landmarks, SIDE_PX, PADDING)
        with _NETWORKS.lent() as network:
            return np.array(network.compute_face_descriptor(chip), np.float32)
