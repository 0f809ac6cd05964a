# pyright: basic
# (nothing but constructor calls of diffusers and transformers, which are not typed)
"""A base model of a few million parameters, built from a seed: for tests, and a floor to measure against.

It has the parts, names and conditioning of the real one, so a LoRA for it takes the same way. Its weights are random: it
proves that training works, it draws nothing a person would recognise. Sizes of network and VAE are facts of the family.
"""

from typing import Any

import diffusers
import torch
import transformers
from transformers import CLIPTextConfig, CLIPTokenizer, Qwen2Tokenizer, Qwen3Config
from transformers.convert_slow_tokenizer import bytes_to_unicode

from likeness.diffusion.bases import TINY_TEXT_WIDTH, Base
from likeness.diffusion.families import bases
from likeness.diffusion.randomness import derive

# diffusers and transformers import their classes when they are asked for, unseen by type checkers.
parts: Any = diffusers
text_parts: Any = transformers

VAE: dict[str, Any] = {
    "block_out_channels": (16, 32, 32, 32),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "sample_size": 128,
}
CLIP_TOKENS = 77  # CLIP's context length
CHAT_MARKS = ["<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What Qwen3's own makes of a user's single message."""


def build_tiny_random(architecture: str, seed: int) -> Any:
    """The random model as a diffusers pipeline on the CPU in float32; the same seed gives the same weights."""
    family = bases()[architecture]
    scheduler, schedule = family.TINY_SCHEDULER
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "random", architecture))
        network = getattr(parts, family.NETWORK_CLASS)(**family.TINY_NETWORK)
        vae = getattr(parts, family.VAE_CLASS)(**VAE, **family.TINY_VAE)
        family.prepare_tiny(vae)
        modules: dict[str, Any] = {family.NETWORK: network, "vae": vae}
        for name, kind in family.TEXT_CLASSES.items():
            tokenizer = byte_tokenizer(CLIP_TOKENS) if kind.startswith("CLIP") else chat_tokenizer()
            modules[name.replace("text_encoder", "tokenizer")] = tokenizer
            modules[name] = getattr(text_parts, kind)(_text_config(tokenizer, family))
    modules["scheduler"] = getattr(parts, scheduler)(**schedule)
    return getattr(parts, family.PIPELINE)(**modules | dict(family.LOAD_OPTIONS) | dict(family.TINY_OPTIONS))


def byte_tokenizer(tokens: int) -> CLIPTokenizer:
    """A CLIP tokenizer of single bytes, without files: 256 bytes, 256 word ends, start and end."""
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=tokens)


def chat_tokenizer() -> Qwen2Tokenizer:
    """A Qwen tokenizer of single bytes, without files: 256 bytes, and the marks of its chat template."""
    words = [*bytes_to_unicode().values(), "<|endoftext|>", *CHAT_MARKS]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], additional_special_tokens=CHAT_MARKS)
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _text_config(tokenizer: Any, family: type[Base]) -> CLIPTextConfig | Qwen3Config:
    size = len(tokenizer)
    common: dict[str, Any] = {
        "vocab_size": size,
        "hidden_size": TINY_TEXT_WIDTH,
        "intermediate_size": 2 * TINY_TEXT_WIDTH,
        "num_hidden_layers": family.TINY_TEXT_LAYERS,
        "num_attention_heads": 4,
    }
    if isinstance(tokenizer, Qwen2Tokenizer):
        return Qwen3Config(**common, num_key_value_heads=2, head_dim=16)
    marks: dict[str, Any] = {"bos_token_id": size - 2, "eos_token_id": size - 1, "pad_token_id": size - 1}
    return CLIPTextConfig(
        **common, **marks, projection_dim=TINY_TEXT_WIDTH, max_position_embeddings=CLIP_TOKENS
    )
