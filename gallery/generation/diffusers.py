"""Draws in this process with the base of params.yaml, which stays open from one picture to the next."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.generation.drawing import Enlarging, Shot
from gallery.people.layout import WholeFiles
from likeness.config import Config
from likeness.images import RGB

if TYPE_CHECKING:
    from likeness.diffusion.bases import Base
    from likeness.lora.load import LoraSlot

STEP_PX = 16
SHARES = {"square": (1.0, 1.0), "portrait": (0.875, 1.125), "landscape": (1.125, 0.875)}
"""Width and height against the side that the base was trained at: about as many pixels in each."""


def size_px(side_px: int, aspect: str) -> tuple[int, int]:
    """Width and height of a picture, multiples of 16."""
    width, height = (round(side_px * share / STEP_PX) * STEP_PX for share in SHARES[aspect])
    return width, height


@dataclass(frozen=True, kw_only=True)
class DiffusersDrawer(Enlarging):
    """Draws by `likeness.diffusion`, with the settings of evaluate."""

    config: Config
    memo: Path | None = field(default=None)
    files: WholeFiles = field(default_factory=WholeFiles)

    @cached_property
    def base(self) -> "Base":
        """The base, opened when the first picture is drawn."""
        from likeness.diffusion.load import load_base  # here: torch

        return load_base(self.config.base, device=self.config.train.system.device, memo=self.memo)

    @cached_property
    def slot(self) -> "LoraSlot":
        """What the base holds: pictures of one version are drawn one after the other, and it is loaded for the first."""
        from likeness.lora.load import LoraSlot

        return LoraSlot(self.base)

    def open_base(self) -> None:
        """Open it before somebody waits for a picture: that takes several times as long as one."""
        _ = self.base

    def draw(self, shot: Shot) -> RGB:
        """A picture uint8 [H, W, 3]; the same shot gives the same pixels."""
        import torch

        from likeness.diffusion.determinism import deterministic

        options, base = self.config.evaluate, self.base
        width, height = size_px(options.side_px or self.config.train.data.side_px, shot.aspect)
        self.slot.hold(self.files.weights(shot.weights), shot.strength)
        with deterministic(base.device), torch.no_grad():
            return base.draw(
                prompt=shot.prompt,
                negative_prompt=shot.negative or options.negative_prompt,
                height=height,
                width=width,
                num_inference_steps=options.steps,
                guidance_scale=options.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(shot.seed),
            )
