# pyright: basic
# (nothing but constructor calls of diffusers and transformers, which are not typed)
"""A base model of a few million parameters, built from a seed: for tests, and a floor to measure against.

It has the parts, names and conditioning of the real one, so a LoRA for it takes the same way. Its weights are
random: it proves that training works, it draws nothing a person would recognise.
"""

from typing import Any

import diffusers
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from likeness.lora.config import Architecture
from likeness.lora.randomness import derive

# diffusers imports its classes when they are asked for, and annotates their tuples wrongly.
parts: Any = diffusers

PROMPT_TOKENS = 77  # CLIP's context length
TEXT_WIDTH = 64  # hidden size of each text encoder
# A random VAE's latents have a root mean square near .28 on photographs; diffusion expects about 1.
LATENT_SCALE = 3.6
NOISE_SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
"""Stable Diffusion's own, as in the scheduler_config.json of SDXL and SD 1.5."""


def build_random(architecture: Architecture, seed: int) -> Any:
    """The random model as a diffusers pipeline on the CPU in float32; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "random", architecture))
        return _sdxl() if architecture == "sdxl" else _sd15()


def _sdxl() -> Any:
    time_width = 32  # of each of the six size conditions
    unet = parts.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64, 128),
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(2, 4, 8),
        norm_num_groups=16,
        cross_attention_dim=2 * TEXT_WIDTH,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=time_width,
        projection_class_embeddings_input_dim=TEXT_WIDTH + 6 * time_width,
    )
    config = _text_config()
    return parts.StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=byte_tokenizer(),
        tokenizer_2=byte_tokenizer(),
        unet=unet,
        scheduler=parts.EulerDiscreteScheduler(**NOISE_SCHEDULE, timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def _sd15() -> Any:
    unet = parts.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64, 128),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        norm_num_groups=16,
        cross_attention_dim=TEXT_WIDTH,
    )
    return parts.StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config()),
        tokenizer=byte_tokenizer(),
        unet=unet,
        scheduler=parts.PNDMScheduler(**NOISE_SCHEDULE, skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _vae() -> Any:
    return parts.AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
        scaling_factor=LATENT_SCALE,
    )


def _text_config() -> CLIPTextConfig:
    size = len(byte_tokenizer())
    return CLIPTextConfig(
        vocab_size=size,
        hidden_size=TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=3,  # SDXL reads the last but one
        num_attention_heads=4,
        max_position_embeddings=PROMPT_TOKENS,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )


def byte_tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer of single bytes, without files: 256 bytes, 256 word ends, start and end."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=PROMPT_TOKENS)
