# pyright: basic
# (diffusers pipelines are not typed)
"""Bases with a UNet and CLIP text encoders: Stable Diffusion 1.5 and SDXL.

Sources: the configuration files of stable-diffusion-v1-5 and stabilityai/stable-diffusion-xl-base-1.0; sd-scripts,
library/train_util.py, for the names in files (read 2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from likeness.diffusion.bases import TINY_TEXT_WIDTH, Base, Condition
from likeness.diffusion.ip_adapter import load_ip_adapter
from likeness.diffusion.ldm_names import original_names
from likeness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from likeness.diffusion.reference import Reference

PROMPT_TOKENS = 77  # CLIP's context length
TEXT_ATTENTION = r"attn2[._]to_k"
# Stable Diffusion's own, as in both scheduler_config.json.
NOISE_SCHEDULE: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
# The published text encoders, OpenAI's ViT-L and LAION's ViT-bigG.
CLIP_L: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
          "projection_dim": 768}  # fmt: skip
CLIP_G: dict[str, Any] = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
          "projection_dim": 1280}  # fmt: skip


class StableDiffusion(Base):
    """Stable Diffusion 1.5: noise or v in discrete steps; one text encoder."""

    ARCHITECTURE = "sd15"
    TITLE = "SD 1.x"
    PIPELINE = "StableDiffusionPipeline"
    NETWORK = "unet"
    NETWORK_CLASS = "UNet2DConditionModel"
    LOAD_OPTIONS = {"safety_checker": None}
    TEXT_ENCODERS = ("text_encoder",)
    FLOW = False
    REFERENCE = "ip_adapter"
    MID_TIMESTEP = 500
    CHANNELS_LAST = True
    FILE_PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
    RECOGNISED_BY = (TEXT_ATTENTION, 768)
    OTHER_WIDTHS = {1024: "SD 2.x", 1280: "SDXL's refiner"}
    TRAINERS_NAME = "sd_v1"
    SAID_AS = r"sd[-_ ]?v?1(?!\d)|stable-diffusion-v?1"
    MODELSPEC_NAME = "stable-diffusion-v1"
    HUB_TAG = "stable-diffusion"
    PUBLISHED_NETWORK = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
    PUBLISHED_SIDE_PX = 512
    PUBLISHED_TEXT = {"text_encoder": CLIP_L}
    PUBLISHED_TEXT_ENCODERS = 123.1e6
    TEXT_CLASSES = {"text_encoder": "CLIPTextModel"}
    TINY_NETWORK = {
        "sample_size": 16,
        "block_out_channels": (32, 64, 128),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "attention_head_dim": 4,
        "norm_num_groups": 16,
        "cross_attention_dim": TINY_TEXT_WIDTH,
    }
    # A random VAE's latents have a root mean square near .28 on photographs; diffusion expects about 1.
    TINY_VAE = {"latent_channels": 4, "scaling_factor": 3.6}
    TINY_SCHEDULER = ("PNDMScheduler", NOISE_SCHEDULE | {"skip_prk_steps": True, "steps_offset": 1})
    TINY_OPTIONS = {"feature_extractor": None, "requires_safety_checker": False}

    @classmethod
    def incompatibility(cls, pipeline: Any) -> str | None:
        """See Base."""
        unet, latent_channels = pipeline.unet.config, pipeline.vae.config.latent_channels
        kind = SDXL if unet.addition_embed_type == "text_time" else StableDiffusion
        if other := cls.OTHER_WIDTHS.get(unet.cross_attention_dim):
            return f"it is {other} (its UNet reads {unet.cross_attention_dim} numbers a token), which is not supported as a base here"
        if kind is not cls:
            return f"it is {kind.ARCHITECTURE}"
        if unet.in_channels != latent_channels:
            return f"its UNet reads {unet.in_channels} channels, its VAE makes {latent_channels}: no text-to-image model"
        prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        known = prediction in ("epsilon", "v_prediction")
        return None if known else f"it predicts {prediction}, not noise or v"

    def reading(self, reference: Reference | None) -> dict[str, Any]:
        """See Base."""
        loaded = self.network.encoder_hid_proj is not None
        if reference is None:
            if loaded:
                self.pipeline.unload_ip_adapter()
            return {}
        from PIL import Image

        if reference.adapter is None:
            raise ConfigError(
                f"{self.TITLE} reads a reference picture by an IP-Adapter, and evaluate.ip_adapter is null",
                reason="no-reference",
                remedy="name one as evaluate.ip_adapter, or set evaluate.arms: [base, lora]",
            )
        if not loaded:
            load_ip_adapter(self, reference.adapter)
        self.pipeline.set_ip_adapter_scale(reference.adapter.scale)
        return {"ip_adapter_image": Image.fromarray(reference.rgb)}

    @classmethod
    def file_layer(cls, name: str) -> str:
        """See Base. One of transformers' two CLIP classes has a level `text_model` more than the other."""
        part, _, layer = name.partition(".")
        level = "" if part == cls.NETWORK else "text_model."
        return super().file_layer(f"{part}.{level}{layer.removeprefix(level)}")

    @classmethod
    def other_names(cls, part: str, layer: str) -> Sequence[str]:
        """See Base: the original names of the UNet's layers, diffusers' attention processors (of text encoders, too), and the
        level `text_model`."""
        if part != cls.NETWORK:
            bare = layer.removeprefix("text_model.")
            processor = re.sub(r"self_attn\.(q|k|v|out)_proj\Z", r"self_attn.to_\1", bare)
            return tuple(f"{level}{name}" for name in {bare, processor} for level in ("", "text_model."))
        processor = layer.replace(".to_", ".processor.to_").replace(".to_out.0", ".to_out")
        return (*original_names(layer), *([processor] if ".to_" in layer else []))

    def read_prompt(self, text: str) -> Condition:
        """See Base. Bit for bit what the pipeline makes, which takes a quarter longer."""
        tokens = {key: ids.unsqueeze(0).to(self.device) for key, ids in self.tokenize(text).items()}
        return {key: value[0] for key, value in self.encode_tokens(tokens).items()}

    def tokenize(self, text: str) -> Condition:
        """`ids` [K]."""
        return {"ids": _ids(self.pipeline.tokenizer, text)}

    def encode_tokens(self, tokens: Condition) -> Condition:
        """See Base: `embeds` [B,K,D], the last layer, normed."""
        return {"embeds": self.pipeline.text_encoder(tokens["ids"])[0].to(self.dtype)}

    @property
    def prompt_shapes(self) -> dict[str, tuple[int, ...]]:
        """See Base."""
        return {"embeds": (PROMPT_TOKENS, self.network.config.cross_attention_dim)}

    def token_count(self, text: str) -> int:
        """See Base."""
        return len(self.pipeline.tokenizer(text, truncation=False, verbose=False).input_ids)

    @property
    def token_limit(self) -> int:
        """See Base."""
        return self.pipeline.tokenizer.model_max_length

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """See Base."""
        return self.network(
            noisy.to(self.dtype),
            timesteps,
            condition["embeds"],
            added_cond_kwargs=self._added(condition),
            return_dict=False,
        )[0]

    def _added(self, condition: Condition) -> dict[str, Tensor] | None:
        return None


class SDXL(StableDiffusion):
    """Two text encoders, of which the last layer but one is read, and the picture's size."""

    ARCHITECTURE = "sdxl"
    TITLE = "SDXL"
    PIPELINE = "StableDiffusionXLPipeline"
    LOAD_OPTIONS = {}
    TEXT_ENCODERS = ("text_encoder", "text_encoder_2")
    FILE_PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
    RECOGNISED_BY = (TEXT_ATTENTION, 2048)
    TRAINERS_NAME = "sdxl_base_v1-0"
    SAID_AS = r"xl(?!.*refiner)"
    MODELSPEC_NAME = "stable-diffusion-xl-v1-base"
    HUB_TAG = "stable-diffusion-xl"
    PUBLISHED_NETWORK = {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    }
    PUBLISHED_SIDE_PX = 1024
    PUBLISHED_TEXT = {"text_encoder": CLIP_L, "text_encoder_2": CLIP_G}
    PUBLISHED_TEXT_ENCODERS = 817.7e6
    TEXT_CLASSES = {"text_encoder": "CLIPTextModel", "text_encoder_2": "CLIPTextModelWithProjection"}
    TINY_NETWORK = PUBLISHED_NETWORK | {
        "sample_size": 16,
        "block_out_channels": (32, 64, 128),
        "transformer_layers_per_block": (1, 1, 2),
        "attention_head_dim": (2, 4, 8),
        "norm_num_groups": 16,
        "cross_attention_dim": 2 * TINY_TEXT_WIDTH,
        "addition_time_embed_dim": 32,  # of each of the six size conditions
        "projection_class_embeddings_input_dim": TINY_TEXT_WIDTH + 6 * 32,
    }
    TINY_SCHEDULER = (
        "EulerDiscreteScheduler",
        NOISE_SCHEDULE | {"timestep_spacing": "leading", "steps_offset": 1},
    )
    TINY_OPTIONS = {"add_watermarker": False}

    def tokenize(self, text: str) -> Condition:
        """`ids` and `ids_2` [K]."""
        return {**super().tokenize(text), "ids_2": _ids(self.pipeline.tokenizer_2, text)}

    def encode_tokens(self, tokens: Condition) -> Condition:
        """See Base: `embeds` [B,K,D] and `pooled` [B,D2]."""
        import torch

        first = self.pipeline.text_encoder(tokens["ids"], output_hidden_states=True)
        second = self.pipeline.text_encoder_2(tokens["ids_2"], output_hidden_states=True)
        embeds = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        return {"embeds": embeds.to(self.dtype), "pooled": second.text_embeds.to(self.dtype)}

    @property
    def prompt_shapes(self) -> dict[str, tuple[int, ...]]:
        """See Base."""
        config = self.network.config
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        return {**super().prompt_shapes, "pooled": (pooled,)}

    def _added(self, condition: Condition) -> dict[str, Tensor]:
        return {"text_embeds": condition["pooled"], "time_ids": condition["time_ids"]}


def _ids(tokenizer: Any, text: str) -> Tensor:
    length = tokenizer.model_max_length
    whole = tokenizer(text, padding="max_length", truncation=True, return_tensors="pt", max_length=length)
    return whole.input_ids[0]


BASES = (StableDiffusion, SDXL)
