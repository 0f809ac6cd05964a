"""Enhance: twice the pixels where the photograph lacks them. One Protocol, one module per provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from likeness.providers import ProviderSection, Task

if TYPE_CHECKING:
    from likeness.images import RGB


class EnhanceConfig(ProviderSection):
    """Section `enhance` of params.yaml."""

    task: ClassVar[Task] = "enhance"

    jpeg_quality: int = Field(ge=50, le=100)
    max_failure_ratio: float = Field(ge=0, le=1)


@dataclass(frozen=True, kw_only=True)
class Enhanced:
    """An enlarged image, uint8 [H, W, 3] RGB, and what it cost."""

    rgb: RGB
    cost_usd: float = 0.0


class Enhancer(Protocol):
    """Enlarges images; safe to call from several threads."""

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB by a whole factor, the same along both sides; `item` is whom a purchase is for,
        in the history's words."""
        ...
