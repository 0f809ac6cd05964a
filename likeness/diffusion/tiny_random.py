# pyright: basic
# (nothing but constructor calls of diffusers and transformers, which are not typed)
"""A base model of a few million parameters, built from a seed: for tests, and a floor to measure against.

It has the parts, names and conditioning of the real one, so a LoRA for it takes the same way. Its weights are random: it
proves that training works, it draws nothing a person would recognise. Each family puts its own together, from these parts.
"""

from typing import Any

import diffusers
import torch
from transformers import CLIPTextConfig, CLIPTokenizer, Qwen2Tokenizer, Qwen3Config
from transformers.convert_slow_tokenizer import bytes_to_unicode

from likeness.diffusion.families import bases
from likeness.diffusion.randomness import derive

# diffusers imports its classes when they are asked for, and annotates their tuples wrongly.
parts: Any = diffusers

TEXT_WIDTH = 64  # hidden size of each text encoder
# A random VAE's latents have a root mean square near .28 on photographs; diffusion expects about 1.
LATENT_SCALE = 3.6

CHAT_MARKS = ["<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What Qwen3's own makes of a user's single message."""


def build_tiny_random(architecture: str, seed: int) -> Any:
    """The random model as a diffusers pipeline on the CPU in float32; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "random", architecture))
        return bases()[architecture].build_tiny_random()


def vae_options(**changes: Any) -> dict[str, Any]:
    """A VAE's settings, with or without `changes`."""
    return {
        "block_out_channels": (16, 32, 32, 32),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "sample_size": 128,
    } | changes


def vae(**changes: Any) -> Any:
    """A VAE with four channels, but for `changes`."""
    return parts.AutoencoderKL(**vae_options(latent_channels=4, scaling_factor=LATENT_SCALE) | changes)


def clip_config(tokens: int) -> CLIPTextConfig:
    """A CLIP text encoder's settings, for so many tokens."""
    size = len(byte_tokenizer(tokens))
    return CLIPTextConfig(
        vocab_size=size,
        hidden_size=TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=3,  # SDXL reads the last but one
        num_attention_heads=4,
        max_position_embeddings=tokens,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
    )


def byte_tokenizer(tokens: int) -> CLIPTokenizer:
    """A CLIP tokenizer of single bytes, without files: 256 bytes, 256 word ends, start and end."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=tokens)


def qwen_config(tokenizer: Qwen2Tokenizer, layers: int) -> Qwen3Config:
    """A Qwen3's settings."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
    )


def chat_tokenizer() -> Qwen2Tokenizer:
    """A Qwen tokenizer of single bytes, without files: 256 bytes, and the marks of its chat template."""
    words = [*bytes_to_unicode().values(), "<|endoftext|>", *CHAT_MARKS]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], additional_special_tokens=CHAT_MARKS)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
