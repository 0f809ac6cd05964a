"""The embedded swapper: a classical mesh warp, colour matching and pyramid blending; no network, no GPU."""

import dataclasses
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from likeness.digests import Json
from likeness.providers import Local
from likeness.swap import Portrait, Swapped


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LocalSwapper(Local):
    """The source's inner face in the target's outline; near-frontal pairs held alike (`swap.limits`).

    outline_falloff: over how many interocular distances the source's shape gives way to the target's outline.
    erode, feather: where the blend starts inside the outline and how wide it is, in face widths.
    """

    outline_falloff: float = Field(gt=0, lt=10)
    erode: float = Field(ge=0, lt=0.5)
    feather: float = Field(gt=0, lt=0.5)

    name: ClassVar[str] = "local"
    neural: ClassVar[bool] = False
    version: ClassVar[int] = 2

    def identity(self) -> dict[str, Json]:
        """The settings."""
        return {"name": self.name, "version": self.version, **dataclasses.asdict(self)}

    def swap(self, source: Portrait, target: Portrait, *, item: str = "") -> Swapped:
        """The target with the source's face, [H, W, 3]; everything outside the face's oval is untouched."""
        from likeness.swap.local_drawing import draw  # here: `check` builds a provider and draws nothing

        return Swapped(rgb=draw(source, target, **dataclasses.asdict(self)))
