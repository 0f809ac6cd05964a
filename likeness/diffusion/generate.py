"""Images from fixed prompts and seeds."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
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


def drawn_at_once(base: Base, most: int) -> int:
    """How many threads draw by the base: on a CPU as many as there are cores for, and at most so many; on a GPU one."""
    cores = (os.cpu_count() or 1) // torch.get_num_threads() if base.device.type == "cpu" else 1
    return max(1, min(cores, most))


class BasePool:
    """A base for each thread that draws at the same time: the weights are the same ones, and so must be what is loaded into them."""

    def __init__(self, base: Base) -> None:
        self._base, self._idle = base, [base]

    @contextmanager
    def lent(self) -> Generator[Base]:
        """One that no other thread draws by."""
        try:
            base = self._idle.pop()
        except IndexError:
            base = self._base.sharing_weights()
        try:
            yield base
        finally:
            self._idle.append(base)
