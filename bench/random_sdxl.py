"""SDXL at full size with random weights, where the real ones cannot be had: as heavy, and draws nothing.

    python -m bench.random_sdxl FOLDER      writes it in diffusers layout, 7 GB, for bench.beside_diffusers --base FOLDER

The numbers are those of the configuration files of stabilityai/stable-diffusion-xl-base-1.0; the tokenizers are the
random base's, of single bytes, so the text encoders lack most rows of their first table.
"""

import sys
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from likeness.diffusion.families.sd import NOISE_SCHEDULE, PROMPT_TOKENS, SDXL
from likeness.diffusion.load import pick_device
from likeness.diffusion.tiny_random import byte_tokenizer

parts: Any = diffusers  # imports its classes when they are asked for

# 83,653,863 parameters
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 1024,
    "scaling_factor": 0.13025,
}
# OpenAI's CLIP ViT-L/14 and LAION's ViT-bigG/14: width, layers, heads, width between, activation, projection.
TEXT_ENCODERS = (
    (768, 12, 12, 3072, "quick_gelu", 768),
    (1280, 32, 20, 5120, "gelu", 1280),
)


def pipeline(device: torch.device) -> Any:
    """The whole pipeline in bf16 on a device."""
    with device:
        first, second = (text_config(*numbers) for numbers in TEXT_ENCODERS)
        models = {
            "unet": parts.UNet2DConditionModel(**SDXL.PUBLISHED_NETWORK),
            "vae": parts.AutoencoderKL(**VAE),
            "text_encoder": CLIPTextModel(first),
            "text_encoder_2": CLIPTextModelWithProjection(second),
        }
    return parts.StableDiffusionXLPipeline(
        **{name: model.to(torch.bfloat16) for name, model in models.items()},
        tokenizer=byte_tokenizer(PROMPT_TOKENS),
        tokenizer_2=byte_tokenizer(PROMPT_TOKENS),
        scheduler=parts.EulerDiscreteScheduler(**NOISE_SCHEDULE, timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def text_config(
    width: int, layers: int, heads: int, between: int, act: str, projection: int
) -> CLIPTextConfig:
    """One text encoder's settings, for the byte tokenizer."""
    size = len(byte_tokenizer(PROMPT_TOKENS))
    return CLIPTextConfig(
        vocab_size=size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=between,
        hidden_act=act,
        projection_dim=projection,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )


if __name__ == "__main__":
    pipeline(pick_device("auto")).save_pretrained(str(Path(sys.argv[1])))
