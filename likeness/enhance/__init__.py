"""Enhance: twice the pixels where the photograph lacks them. One Protocol, one module per provider."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from likeness.images import RGB
from likeness.purchases.buy import Buyer
from likeness.store.items import Json


class EnhanceConfig(BaseModel):
    """Section `enhance` of params.yaml; `provider` names an Enhancer and its options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: dict[str, Any]
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
        in the ledger's words."""
        ...


class EnhanceProvider(Protocol):
    """What `enhance.provider` names: settings, cheap to construct."""

    @property
    def name(self) -> str:
        """The provider as manifests name it."""
        ...

    def identity(self) -> dict[str, Json]:
        """Everything that decides the pixels: settings, weights digests; part of item keys."""
        ...

    def opened(self, till: Buyer) -> AbstractContextManager[Enhancer]:
        """The enhancer at work; paid ones buy at `till`."""
        ...
