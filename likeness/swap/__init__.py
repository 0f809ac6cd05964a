"""Face swap: put the source's face on the person of a target photograph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from pydantic import Field

from likeness.providers import ProviderSection, Task
from likeness.settings import Section

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from likeness.faces import Face


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """One photograph uint8 [H, W, 3] RGB and the face in it that is meant."""

    rgb: NDArray[np.uint8]
    face: Face


@dataclass(frozen=True, kw_only=True)
class Swapped:
    """The target photograph with the source's face, uint8 [H, W, 3] RGB of its size, and what it cost."""

    rgb: NDArray[np.uint8]
    cost_usd: float = 0.0


class Swapper(Protocol):
    """Draws swaps; safe to call from several threads."""

    def swap(self, source: Portrait, target: Portrait, *, item: str = "") -> Swapped:
        """Put the source's face on the person of the target; `item` is whom a purchase is for, in the history's words.

        Raises:
            InputError: this pair is outside the provider's range; says why.
        """
        ...


class PairLimits(Section):
    """Photos and pairs beyond these are skipped: the provider would draw them badly (pairs.py, lighting.py)."""

    max_yaw_difference_deg: float = Field(gt=0)
    max_pitch_difference_deg: float = Field(gt=0)
    max_mouth_difference: float = Field(gt=0)
    min_face_px: float = Field(gt=0)
    max_bridge_line: float = Field(gt=0)
    max_shadow_difference: float = Field(gt=0)
    min_teeth: float = Field(ge=0, le=1)
    max_gaze_apart: float = Field(gt=0)


class QualityLimits(Section):
    """Swaps beyond these are refused; null: not asked (quality.py)."""

    max_seam: float | None = Field(gt=0)
    max_tone: float | None = Field(gt=0)
    max_matte: float | None = Field(gt=0)


class SwapConfig(ProviderSection):
    """The section `swap` of params.yaml."""

    task: ClassVar[Task] = "swap"

    pairs: Literal["all", "best"]
    sources_per_target: int = Field(ge=1)
    limits: PairLimits
    quality: QualityLimits
    include_sources: bool
    max_failure_ratio: float = Field(ge=0, le=1)
