"""Face swap: put the source's face on the person of a target photograph."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from likeness.faces import Face


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """One photograph uint8 [H, W, 3] RGB and the face in it that is meant."""

    rgb: NDArray[np.uint8]
    face: Face


class Swapper(Protocol):
    """A provider of swaps; `version` rises when equal inputs and settings would give other pixels."""

    version: int

    def swap(self, source: Portrait, target: Portrait) -> NDArray[np.uint8]:
        """The target photograph with the source's face, [H, W, 3] RGB of the target's size.

        Raises:
            InputError: this pair is outside the provider's range; says why.
        """
        ...


class PairLimits(BaseModel):
    """Photos and pairs beyond these are skipped: the provider would draw them badly (pairs.py, traits.py)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_yaw_difference_deg: float = Field(gt=0)
    max_pitch_difference_deg: float = Field(gt=0)
    max_mouth_difference: float = Field(gt=0)
    min_face_px: float = Field(gt=0)
    max_bridge_line: float = Field(gt=0)


class SwapConfig(BaseModel):
    """The section `swap` of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: dict[str, Any]
    pairs: Literal["all", "best"]
    sources_per_target: int = Field(ge=1)
    limits: PairLimits
    include_sources: bool
    max_failure_ratio: float = Field(ge=0, le=1)
