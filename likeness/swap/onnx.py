# pyright: basic, reportReturnType=false, reportArgumentType=false
# onnxruntime and cv2 calls are untyped.
"""A swap network the user supplies, inswapper-style: a 128 px aligned crop and a 512-d identity in, the crop out.

likeness ships none: the known ones are licensed for research only. Contract of the two files:
recogniser: input [1, 3, 112, 112] RGB scaled to -1..1, output [1, 512];
swapper: inputs [1, 3, S, S] RGB 0..1 and [1, 512], output [1, 3, S, S] RGB 0..1. When the swapper's last
initializer is a square [512, 512] matrix, the identity is multiplied by it first (insightface's `emap`).
"""

import threading
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from likeness.errors import ConfigError
from likeness.faces.crop import similarity_transform, warp
from likeness.items import sha256_file
from likeness.swap import Portrait
from likeness.swap.blend import smoothstep

# ArcFace's five points in a 112 px crop (Deng et al. 2019, arXiv:1801.07698; insightface's arcface_dst).
ARCFACE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
RECOGNISER_SIDE_PX = 112
EMBEDDING_SIZE = 512
# Insightface shifts the template right by 8 px of 128 for sides that are multiples of 128.
SHIFT_AT_128 = 8.0


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class OnnxSwapper:
    """A network from `swapper` and a `recogniser`, both verified by sha256; `licence` says what allows their use.

    feather: width of the soft edge of the pasted square, as a share of its side.
    """

    swapper: Path
    swapper_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    recogniser: Path
    recogniser_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: str = Field(min_length=3)
    feather: float = Field(gt=0, lt=0.5)

    version: ClassVar[int] = 1

    @field_validator("licence")
    @classmethod
    def _said(cls, value: str) -> str:
        if value.strip().lower() in ("none", "unknown", "todo", "???"):
            raise ValueError("say which licence allows the use of these weights")
        return value

    @model_validator(mode="after")
    def _verified(self) -> "OnnxSwapper":
        for path, sha256 in ((self.swapper, self.swapper_sha256), (self.recogniser, self.recogniser_sha256)):
            if not path.is_file():
                raise ConfigError(f"swap.provider: there is no file {path}", reason="missing-weights",
                                  remedy="put the network there, or choose `swap: local` in conf/config.yaml")  # fmt: skip
            if (found := sha256_file(path)) != sha256:
                raise ConfigError(f"swap.provider: {path} has sha256 {found}, conf/ names {sha256}", reason="wrong-weights",
                                  remedy="use the file that was reviewed, or record the new one's sha256")  # fmt: skip
        object.__setattr__(self, "_local", threading.local())
        return self

    def swap(self, source: Portrait, target: Portrait) -> NDArray[np.uint8]:
        """The target with the network's face pasted back, [H, W, 3]."""
        swapper, recogniser, emap = self._sessions()
        identity = _run(recogniser, _tensor(source, RECOGNISER_SIDE_PX)[0] * 2 - 1)[0]
        if emap is not None:
            identity = identity @ emap
        identity = (identity / np.linalg.norm(identity)).astype(np.float32)
        side = int(swapper.get_inputs()[0].shape[2])
        crop, matrix = _tensor(target, side)
        drawn = _run(swapper, crop, identity[None])[0].transpose(1, 2, 0)
        return _paste(target.rgb, np.clip(drawn, 0, 1), matrix, self.feather)

    def _sessions(self) -> tuple[Any, Any, NDArray[np.float32] | None]:
        local = self._local  # pyright: ignore[reportAttributeAccessIssue]  (set when validated)
        if not hasattr(local, "sessions"):
            available = set(ort.get_available_providers())
            providers = [
                name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available
            ]
            sessions = [
                ort.InferenceSession(str(path), providers=providers)
                for path in (self.swapper, self.recogniser)
            ]
            local.sessions = (*sessions, identity_map(self.swapper))
        return local.sessions


def identity_map(path: Path) -> NDArray[np.float32] | None:
    """The network's last initializer when it is a [512, 512] matrix, else None.

    Raises:
        ConfigError: the package `onnx`, which reads it, is not installed.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise ConfigError("swap: onnx needs the package onnx to read the network's identity matrix",
                          reason="missing-package", remedy="pip install 'likeness[onnx]'") from error  # fmt: skip
    initializers = onnx.load(str(path)).graph.initializer
    if not initializers or tuple(initializers[-1].dims) != (EMBEDDING_SIZE, EMBEDDING_SIZE):
        return None
    return numpy_helper.to_array(initializers[-1]).astype(np.float32)


def _tensor(portrait: Portrait, side: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    template = ARCFACE_112 / RECOGNISER_SIDE_PX * side
    if side % 128 == 0:
        template = (ARCFACE_112 + np.array([SHIFT_AT_128, 0])) / 128 * side
    matrix = similarity_transform(portrait.face.points5, template.astype(np.float32))
    crop = warp(portrait.rgb, matrix, side).astype(np.float32) / 255
    return np.ascontiguousarray(crop.transpose(2, 0, 1)[None]), matrix


def _run(session: Any, *tensors: NDArray[np.float32]) -> NDArray[np.float32]:
    return session.run(
        None, {put.name: tensor for put, tensor in zip(session.get_inputs(), tensors, strict=True)}
    )[0]


def _paste(
    rgb: NDArray[np.uint8], crop: NDArray[np.float32], matrix: NDArray[np.float64], feather: float
) -> NDArray[np.uint8]:
    side, (height, width) = crop.shape[0], rgb.shape[:2]
    from_edge = np.minimum(*np.meshgrid(*[np.minimum(np.arange(side), side - 1 - np.arange(side))] * 2))
    mask = smoothstep(from_edge / (feather * side))
    back = cv2.invertAffineTransform(matrix)
    flags = cv2.INTER_CUBIC
    drawn = cv2.warpAffine(crop, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    weight = cv2.warpAffine(mask, back, (width, height), flags=cv2.INTER_LINEAR)[..., None]
    return np.clip((drawn * weight + rgb.astype(np.float32) / 255 * (1 - weight)) * 255 + 0.5, 0, 255).astype(
        np.uint8
    )
