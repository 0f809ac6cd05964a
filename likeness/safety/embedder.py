"""A third embedder: a network of the user's own that has a say in whose face it is, beside SFace and dlib's resnet.

It can only refuse what those two let pass: its limits stand beside theirs, and all must agree.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from likeness.digests import Sha256, sha256_bytes
from likeness.settings import NetworkLicence, Section


class EmbedderConfig(Section):
    """An ArcFace-like ONNX network: one aligned face [1, 3, side_px, side_px] in, one embedding out, compared by cosine.

    A pixel 0..255 goes in as (value - mean) / scale. `source_min`, `swap_min` and `target_max` are its limits, as in
    `personas.NAME.similarity`; `licence` says what allows its use.
    """

    path: Path
    sha256: Sha256
    licence: NetworkLicence
    side_px: int = Field(ge=32, le=512)
    channels: Literal["rgb", "bgr"]
    mean: float = Field(ge=0, le=255, allow_inf_nan=False)
    scale: float = Field(gt=0, le=255, allow_inf_nan=False)
    source_min: float = Field(ge=0, le=1)
    swap_min: float = Field(ge=0, le=1)
    target_max: float = Field(ge=0, le=1)

    @property
    def digest(self) -> str:
        """Names the network and how a face is given to it: part of the key of every item that holds an embedding."""
        given = {name: getattr(self, name) for name in ("sha256", "side_px", "channels", "mean", "scale")}
        return sha256_bytes(json.dumps(given, sort_keys=True).encode())

    @property
    def name(self) -> str:
        """What its embeddings are called in records: others of another network are never compared with them."""
        return f"onnx-{self.digest[:12]}"


class FacesConfig(Section):
    """Who decides whose face it is, beside the two embedders that always do."""

    embedder: EmbedderConfig | None
