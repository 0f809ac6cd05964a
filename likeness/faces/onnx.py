# pyright: basic
# onnxruntime is partly untyped.
"""A user's own embedder: an ArcFace-like ONNX network on CPU."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likeness.digests import check_digest, check_file
from likeness.errors import ConfigError
from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.faces.face import Face, Floats
from likeness.faces.session import LazySession


@dataclass(frozen=True, kw_only=True)
class OnnxEmbedder:
    """See `likeness.safety.embedder.EmbedderConfig`; cheap to construct."""

    name: str
    path: Path
    sha256: str
    side_px: int
    bgr: bool
    mean: float
    scale: float

    def embedding(self, rgb: NDArray[np.uint8], face: Face) -> Floats:
        """The embedding [N], unit length, of a face of an image [H, W, 3].

        Raises:
            ConfigError: `missing-weights`, `wrong-weights`, or `not-an-embedder`: the network does not take a face and give
                one row of numbers.
        """
        points = FACE_TEMPLATE * (self.side_px / FACE_TEMPLATE_SIDE_PX)
        crop = warp(rgb, similarity_transform(face.points5, points), self.side_px)
        chip = crop[:, :, ::-1] if self.bgr else crop
        tensor = (chip.transpose(2, 0, 1)[None].astype(np.float32) - self.mean) / self.scale
        try:
            vector = self._network.run(np.ascontiguousarray(tensor, np.float32))[0]
        except ConfigError:
            raise
        except Exception as error:  # onnxruntime's own share no other base
            raise self._unfit(f"{type(error).__name__}: {error}") from error
        if vector.ndim != 1:
            raise self._unfit(f"it gave a tensor {list(vector.shape)} a face")
        return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-9))

    def check(self) -> bytes:
        """The file's bytes: it is there, and is the one that was reviewed.

        Raises:
            ConfigError: `missing-weights` or `wrong-weights`.
        """
        check_file("faces.embedder", self.path, "put the network there, or set faces.embedder: null")
        data = self.path.read_bytes()
        check_digest("faces.embedder", self.path, self.sha256, data)
        return data

    @cached_property
    def _network(self) -> LazySession:
        return LazySession(self.check)

    def _unfit(self, why: str) -> ConfigError:
        return ConfigError(
            f"faces.embedder: {self.path} is no embedder of one face: {why}",
            reason="not-an-embedder",
            remedy="name a network that takes [1, 3, side_px, side_px] and gives one row of numbers",
        )
