"""Images from fixed prompts and seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from likeness.diffusion.bases import Base
from likeness.diffusion.determinism import deterministic
from likeness.diffusion.reference import Reference
from likeness.images import RGB


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One image to draw; `side_px` is a multiple of 8."""

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance_scale: float
    side_px: int


def generate(
    base: Base,
    requests: Sequence[GenerationRequest],
    *,
    reference: Reference | None = None,
    on_image: Callable[[int, RGB], None] = lambda index, rgb: None,
) -> list[RGB]:
    """Images uint8 [side,side,3] RGB, drawn by the base with what is loaded into it, after the reference picture if there is one.

    The starting noise is drawn on the CPU, so a seed names the same picture on every device (up to rounding).
    """
    images: list[RGB] = []
    with deterministic(base.device), torch.no_grad():
        shown = base.reading(reference)
        for index, request in enumerate(requests):
            image = base.draw(
                prompt=request.prompt,
                negative_prompt=request.negative_prompt,
                height=request.side_px,
                width=request.side_px,
                num_inference_steps=request.steps,
                guidance_scale=request.guidance_scale,
                **shown,
                generator=torch.Generator("cpu").manual_seed(request.seed),
            )
            images.append(image)
            on_image(index, image)
    return images
