"""Lanczos and a mild unsharp mask: no weights, invents nothing."""

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from typing import Self

import numpy as np
from PIL import Image, ImageFilter
from pydantic import Field
from pydantic.dataclasses import dataclass

from likeness.enhance import Enhanced
from likeness.images import RGB
from likeness.purchases.buy import Buyer
from likeness.store.items import Json


@dataclass(frozen=True, kw_only=True)
class LanczosEnhancer:
    """Enlarges by `scale`; the unsharp radius is in pixels of the result, 0 percent switches it off."""

    scale: int = Field(ge=1, le=8)
    unsharp_radius_px: float = Field(gt=0)
    unsharp_percent: int = Field(ge=0, le=500)
    unsharp_threshold: int = Field(ge=0, le=255)

    name = "lanczos"

    def identity(self) -> dict[str, Json]:
        """The settings."""
        return {"name": self.name, **dataclasses.asdict(self)}

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB to [scale * H, scale * W, 3]."""
        height, width = rgb.shape[:2]
        big = Image.fromarray(rgb).resize((width * self.scale, height * self.scale), Image.Resampling.LANCZOS)
        if self.unsharp_percent:
            mask = ImageFilter.UnsharpMask(
                self.unsharp_radius_px, self.unsharp_percent, self.unsharp_threshold
            )
            big = big.filter(mask)
        return Enhanced(rgb=np.array(big, dtype=np.uint8))

    def opened(self, till: Buyer) -> AbstractContextManager[Self]:
        """Nothing to open, nothing to buy."""
        return nullcontext(self)
