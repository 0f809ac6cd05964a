# pyright: basic
# (diffusers pipelines are not typed)
"""Images from fixed prompts and seeds, with or without a LoRA."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from likeness.diffusion.bases import RGB, Base
from likeness.diffusion.determinism import deterministic
from likeness.errors import InputError
from likeness.lora.export import load_lora

ADAPTER = "sampled"


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One image to draw; `side_px` is a multiple of 8."""

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance_scale: float
    side_px: int


def sample(
    base: Base,
    shots: Sequence[GenerationRequest],
    *,
    lora: Path | None,
    lora_scale: float = 1.0,
    on_image: Callable[[int, RGB], None] = lambda index, rgb: None,
) -> list[RGB]:
    """Images uint8 [side,side,3] RGB of `shots`, drawn by the base with a LoRA file, or as it is.

    The starting noise is drawn on the CPU, so a seed names the same picture on every device (up to rounding).

    Raises:
        InputError: the LoRA file does not fit the base.
    """
    images: list[RGB] = []
    with deterministic(base.device), _lora(base, lora, lora_scale), torch.no_grad():
        for index, shot in enumerate(shots):
            latents = base.pipeline(
                shot.prompt,
                negative_prompt=shot.negative_prompt,
                height=shot.side_px,
                width=shot.side_px,
                num_inference_steps=shot.steps,
                guidance_scale=shot.guidance_scale,
                generator=torch.Generator("cpu").manual_seed(shot.seed),
                output_type="latent",
            ).images
            # The pipeline would decode in the UNet's type, in which SDXL's VAE loses colour.
            images.append(base.decode_latents(latents[0]))
            on_image(index, images[-1])
    return images


@contextmanager
def _lora(base: Base, file: Path | None, scale: float) -> Generator[None]:
    if file is None:
        yield
        return
    try:
        load_lora(base, file, ADAPTER)
    except (OSError, ValueError, TypeError, RuntimeError, LookupError) as error:
        raise InputError(
            f"{file} does not fit the base {base.name}: {error}",
            reason="lora-misfit",
            remedy="train it on this base, or choose the base it was trained on",
        ) from error
    try:
        base.pipeline.set_adapters([ADAPTER], [scale])
        yield
    finally:
        base.pipeline.unload_lora_weights()
