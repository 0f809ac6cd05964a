"""Lanczos and a mild unsharp mask: no weights, invents nothing."""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from likeness.digests import Json
from likeness.enhance import Enhanced
from likeness.providers import Local

if TYPE_CHECKING:
    from likeness.images import RGB


@dataclass(frozen=True, kw_only=True)
class LanczosEnhancer(Local):
    """Enlarges by `scale`; the unsharp radius is in pixels of the result, 0 percent switches it off."""

    scale: int = Field(ge=1, le=8)
    unsharp_radius_px: float = Field(gt=0)
    unsharp_percent: int = Field(ge=0, le=500)
    unsharp_threshold: int = Field(ge=0, le=255)

    name: ClassVar[str] = "lanczos"
    neural: ClassVar[bool] = False

    def identity(self) -> dict[str, Json]:
        """The settings."""
        return {"name": self.name, **dataclasses.asdict(self)}

    def enhance(self, rgb: "RGB", *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB to [scale * H, scale * W, 3]."""
        import numpy as np  # here: `check` builds a provider and enlarges nothing
        from PIL import Image, ImageFilter

        height, width = rgb.shape[:2]
        big = Image.fromarray(rgb).resize((width * self.scale, height * self.scale), Image.Resampling.LANCZOS)
        if self.unsharp_percent:
            settings = self.unsharp_radius_px, self.unsharp_percent, self.unsharp_threshold
            big = big.filter(ImageFilter.UnsharpMask(*settings))
        return Enhanced(rgb=np.array(big, dtype=np.uint8))
