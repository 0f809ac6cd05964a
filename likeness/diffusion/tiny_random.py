# pyright: basic
# (nothing but constructor calls of diffusers and transformers, which are not typed)
"""A base model of a few million parameters, built from a seed: for tests, and a floor to measure against.

It has the parts, names and conditioning of the real one, so a LoRA for it takes the same way. Its weights are
random: it proves that training works, it draws nothing a person would recognise.
"""

from typing import Any

import diffusers
import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3Model,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

from likeness.diffusion.randomness import derive
from likeness.train.config import Architecture

# diffusers imports its classes when they are asked for, and annotates their tuples wrongly.
parts: Any = diffusers

PROMPT_TOKENS = 77  # CLIP's context length
TEXT_WIDTH = 64  # hidden size of each text encoder
# A random VAE's latents have a root mean square near .28 on photographs; diffusion expects about 1.
LATENT_SCALE = 3.6
FLUX_LATENT_SCALE = 2.8  # likewise, from .36
NOISE_SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
"""Stable Diffusion's own, as in the scheduler_config.json of SDXL and SD 1.5."""

CHAT_MARKS = ["<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What Qwen3's own makes of a user's single message."""


def build_tiny_random(architecture: Architecture, seed: int) -> Any:
    """The random model as a diffusers pipeline on the CPU in float32; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "random", architecture))
        return {"sdxl": _sdxl, "sd15": _sd15, "zimage": _zimage}[architecture]()


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


def _zimage() -> Any:
    tokenizer = chat_tokenizer()
    encoder = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=3,  # Z-Image reads the last but one
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
    )
    transformer = parts.ZImageTransformer2DModel(
        in_channels=16,
        dim=64,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=4,
        n_kv_heads=4,
        cap_feat_dim=TEXT_WIDTH,
        axes_dims=[4, 6, 6],
        axes_lens=[1024, 64, 64],
    )
    # As FLUX's VAE: more channels, a shift, no convolutions around the latents.
    vae = _vae(latent_channels=16, scaling_factor=FLUX_LATENT_SCALE, shift_factor=0.1, use_quant_conv=False,
               use_post_quant_conv=False)  # fmt: skip
    return parts.ZImagePipeline(
        vae=vae,
        text_encoder=Qwen3Model(encoder),
        tokenizer=tokenizer,
        transformer=transformer,
        scheduler=parts.FlowMatchEulerDiscreteScheduler(shift=6.0),
    )


def _vae(**changes: Any) -> Any:
    return parts.AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=8,
        sample_size=128,
        **({"latent_channels": 4, "scaling_factor": LATENT_SCALE} | changes),
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


def chat_tokenizer() -> Qwen2Tokenizer:
    """A Qwen tokenizer of single bytes, without files: 256 bytes, and the marks of its chat template."""
    words = [*bytes_to_unicode().values(), "<|endoftext|>", *CHAT_MARKS]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], additional_special_tokens=CHAT_MARKS)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
