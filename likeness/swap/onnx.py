# pyright: basic
# onnxruntime and cv2 calls are untyped.
"""A swap network the user supplies, inswapper-style: an aligned crop and an identity in, the crop out.

likeness ships none: the known ones are licensed for research only. Contract of the two files:
recogniser: input [1, 3, 112, 112] RGB scaled to -1..1, output [1, 512];
swapper: inputs [1, 3, S, S] RGB 0..1 and [1, 512], in any order, output [1, 3, S, S] RGB 0..1. When its last
initializer is a [512, 512] matrix, the identity is multiplied by it first.
Source: insightface's inswapper.py (`emap`) and face_align.py, read 2026-11.
"""

import threading
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from likeness.digests import Json, Sha256, check_digest, check_file
from likeness.errors import ConfigError
from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.providers import Local
from likeness.settings import NetworkLicence, own_path
from likeness.swap import Portrait, Swapped, regions
from likeness.swap.blend import smoothstep

EMBEDDING_SIZE = 512
# Insightface puts the 112 px template 8 px from the left of a 128 px square.
SHIFT_PX, SHIFTED_SIDE_PX = 8.0, 128


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OnnxSwapper(Local):
    """A network `swapper` and a `recogniser`, verified by sha256; `licence` says what allows their use.

    feather: width of the blend inside the face's outline, as a share of the face's width.
    """

    swapper: Path
    swapper_sha256: Sha256
    recogniser: Path
    recogniser_sha256: Sha256
    licence: NetworkLicence
    feather: float = Field(gt=0, lt=0.5)

    name: ClassVar[str] = "onnx"
    neural: ClassVar[bool] = True
    version: ClassVar[int] = 1

    @model_validator(mode="after")
    def _verified(self) -> "OnnxSwapper":
        remedy = "put the network there, or choose `swap: local` in conf/config.yaml"
        for path, sha256 in ((self.swapper, self.swapper_sha256), (self.recogniser, self.recogniser_sha256)):
            check_file("swap.provider", own_path(path), remedy)
            check_digest("swap.provider", own_path(path), sha256)
        _ = self._turn  # made before threads are
        return self

    @cached_property
    def _turn(self) -> threading.Lock:
        return threading.Lock()

    @cached_property
    def _sessions(self) -> tuple[Any, Any, NDArray[np.float32] | None]:
        """Sessions of swapper and recogniser, and the swapper's identity matrix."""
        swapper, recogniser = own_path(self.swapper), own_path(self.recogniser)
        return _open(swapper), _open(recogniser), identity_map(swapper)

    def identity(self) -> dict[str, Json]:
        """The networks' digests and the blend: a file named with its sha256 is that content, wherever it lies."""
        return {
            "name": self.name,
            "version": self.version,
            "networks": [self.swapper_sha256, self.recogniser_sha256],
            "feather": self.feather,
        }

    def swap(self, source: Portrait, target: Portrait, *, item: str = "") -> Swapped:
        """The target with the network's face pasted back, [H, W, 3]; outside its oval nothing is touched."""
        with self._turn:  # many may run one session, which can take half a gigabyte; one opens it
            swapper, recogniser, emap = self._sessions
        identity = _run(recogniser, _crop(source, FACE_TEMPLATE_SIDE_PX)[0] * 2 - 1)[0]
        if emap is not None:
            identity = identity @ emap
        identity = (identity / np.linalg.norm(identity)).astype(np.float32)
        side_px = next(int(put.shape[2]) for put in swapper.get_inputs() if len(put.shape) == 4)
        crop, matrix = _crop(target, side_px)
        drawn = _run(swapper, crop, identity[None])[0].transpose(1, 2, 0)
        return Swapped(rgb=_paste(target, np.clip(drawn, 0, 1).astype(np.float32), matrix, self.feather))


def identity_map(path: Path) -> NDArray[np.float32] | None:
    """The network's last initializer when it is a [512, 512] matrix, else None.

    Raises:
        ConfigError: the package `onnx`, which reads it, is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise ConfigError(
            "swap: onnx needs the package onnx to read the network's identity matrix",
            reason="missing-package",
            remedy="pip install 'likeness[onnx]'",
        ) from error
    initializers = onnx.load(str(path)).graph.initializer
    if not initializers or tuple(initializers[-1].dims) != (EMBEDDING_SIZE, EMBEDDING_SIZE):
        return None
    return numpy_helper.to_array(initializers[-1]).astype(np.float32)


def _open(path: Path) -> ort.InferenceSession:
    available = set(ort.get_available_providers())
    wanted = [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    return ort.InferenceSession(str(path), providers=wanted)


def _crop(portrait: Portrait, side_px: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The aligned face [1, 3, side, side], 0..1, and the matrix [2, 3] that took it out."""
    template = FACE_TEMPLATE * (side_px / FACE_TEMPLATE_SIDE_PX)
    if side_px % SHIFTED_SIDE_PX == 0:
        template = np.add(FACE_TEMPLATE, [SHIFT_PX, 0]) * (side_px / SHIFTED_SIDE_PX)
    matrix = similarity_transform(portrait.face.points5, template.astype(np.float32))
    crop = warp(portrait.rgb, matrix, side_px).astype(np.float32) / 255
    return np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32), matrix


def _run(session: Any, *tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a session on tensors told apart by their number of dimensions; half-precision inputs are served."""
    feed = {}
    for put in session.get_inputs():
        kind = np.float16 if put.type == "tensor(float16)" else np.float32
        feed[put.name] = next(tensor for tensor in tensors if tensor.ndim == len(put.shape)).astype(kind)
    return session.run(None, feed)[0].astype(np.float32)


def _paste(
    target: Portrait, crop: NDArray[np.float32], matrix: NDArray[np.float64], feather: float
) -> NDArray[np.uint8]:
    height, width = target.rgb.shape[:2]
    points = target.face.landmarks[:, :2].astype(float)
    back = cv2.invertAffineTransform(matrix)
    whole = np.ones(crop.shape[:2], np.uint8)
    drawn_at = cv2.warpAffine(whole, back, (width, height), flags=cv2.INTER_NEAREST) > 0
    inside = regions.oval(points, (height, width)) & drawn_at
    feather_px = max(feather * regions.width_of(points), 1.0)
    weight = smoothstep(regions.from_outline(inside) / feather_px)[..., None]
    edge = cv2.BORDER_REPLICATE
    drawn = cv2.warpAffine(crop, back, (width, height), flags=cv2.INTER_CUBIC, borderMode=edge)
    blended = drawn * weight + target.rgb.astype(np.float32) / 255 * (1 - weight)
    return np.clip(blended * 255 + 0.5, 0, 255).astype(np.uint8)
