# pyright: basic
# (diffusers pipelines are not typed)
"""An IP-Adapter in a Stable Diffusion pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.errors import ConfigError

if TYPE_CHECKING:
    from likeness.diffusion.bases import Base
    from likeness.diffusion.reference import Adapter


def load_ip_adapter(base: Base, adapter: Adapter) -> None:
    """Give a base's pipeline the adapter, so that it reads a reference picture.

    Raises:
        ConfigError: `ip-adapter-misfit`.
    """
    from safetensors.torch import load_file
    from transformers import CLIPVisionModelWithProjection

    from likeness.aligned import align_module
    from likeness.diffusion.bases import MISFIT

    try:
        encoder: Any = CLIPVisionModelWithProjection.from_pretrained(
            adapter.image_encoder, dtype=base.dtype, local_files_only=True, use_safetensors=True
        )
        state: dict[str, dict[str, Any]] = {"image_proj": {}, "ip_adapter": {}}
        for name, tensor in load_file(adapter.weights).items():
            part, _, inner = name.partition(".")
            if part in state:
                state[part][inner] = tensor
        base.pipeline.register_modules(image_encoder=encoder.to(base.device).requires_grad_(False).eval())
        base.pipeline.load_ip_adapter(state, subfolder="", weight_name="", image_encoder_folder=None)
    except (OSError, *MISFIT) as error:
        raise ConfigError(
            f"evaluate.ip_adapter: {adapter.weights} does not fit {base.name}: {error}",
            reason="ip-adapter-misfit",
            remedy="take the adapter made for this base, and the image encoder that its page names",
        ) from error
    if base.device.type == "cpu":
        for part in (encoder, base.network):
            align_module(part)
