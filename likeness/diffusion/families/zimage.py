# pyright: basic
# (diffusers pipelines are not typed)
"""Z-Image: one stream of text and picture through a transformer that predicts a flow (arXiv 2511.22699)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.diffusion.bases import TINY_TEXT_WIDTH, Condition
from likeness.diffusion.flow import PROMPT_TOKENS, FlowTransformer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

USUAL_TOKENS = 77  # of a caption


class ZImage(FlowTransformer):
    """A velocity at continuous times; prompts keep their own lengths, and none is padded.

    Sources: Tongyi-MAI/Z-Image's configuration (its transformer has diffusers' defaults); musubi-tuner,
    src/musubi_tuner/utils/sai_model_spec.py (read 2026-11).
    """

    ARCHITECTURE = "zimage"
    TITLE = "Z-Image"
    PIPELINE = "ZImagePipeline"
    NETWORK_CLASS = "ZImageTransformer2DModel"
    NOT_PACKED = r"emb|norm|adaLN|final_layer"
    FILE_PREFIXES = {"transformer": "diffusion_model."}  # ComfyUI maps diffusers' names to Z-Image's own
    RECOGNISED_BY = (r"\battention[._](?:to_k|qkv)|_attention_(?:to_k|qkv)", 3840)
    SAID_AS = r"z[-_ ]?image"
    TRAINERS_NAME = "z_image"
    MODELSPEC_NAME = "Z-Image"
    HUB_TAG = "z-image"
    PUBLISHED_NETWORK = {}
    THINKING = True
    TEXT_CLASSES = {"text_encoder": "Qwen3Model"}
    TINY_NETWORK = {
        "in_channels": 16,
        "dim": 64,
        "n_layers": 2,
        "n_refiner_layers": 1,
        "n_heads": 4,
        "n_kv_heads": 4,
        "cap_feat_dim": TINY_TEXT_WIDTH,
        "axes_dims": [4, 6, 6],
        "axes_lens": [1024, 64, 64],
    }
    # As FLUX's VAE: more channels, a shift, no convolutions around the latents. Unscaled, their root mean square is near
    # .36 on photographs.
    TINY_VAE = {
        "latent_channels": 16,
        "scaling_factor": 2.8,
        "shift_factor": 0.1,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
    }
    TINY_SCHEDULER = ("FlowMatchEulerDiscreteScheduler", {"shift": 6.0})

    @classmethod
    def other_names(cls, part: str, layer: str) -> Sequence[str]:
        """See Base: those of the original code, as ComfyUI maps them (z_image_to_diffusers of comfy/utils.py)."""
        original = layer.replace("attention.to_out.0", "attention.out").replace("_layer.2-1", "_layer")
        return (original.replace("all_x_embedder.2-1", "x_embedder").removeprefix("all_"),)

    @classmethod
    def fused_name(cls, layer: str) -> tuple[str, int] | None:
        """See Base."""
        block, _, name = layer.rpartition(".attention.to_")
        return (f"{block}.attention.qkv", "qkv".index(name)) if block and name in ("q", "k", "v") else None

    @classmethod
    def incompatibility(cls, pipeline: Any) -> str | None:
        """See Base."""
        reads, made = pipeline.transformer.config.in_channels, pipeline.vae.config.latent_channels
        if reads != made:
            return f"its transformer reads {reads} channels, its VAE makes {made}"
        if pipeline.scheduler.config.get("use_dynamic_shifting"):
            return "its scheduler shifts timesteps by the picture's size, which Z-Image's does not"
        return None

    def read_prompt(self, text: str) -> Condition:
        """`embeds` [K,D], K as long as the prompt is."""
        embeds, _ = self.pipeline.encode_prompt(
            text, device=self.device, do_classifier_free_guidance=False, max_sequence_length=PROMPT_TOKENS
        )
        return {"embeds": embeds[0]}

    def collate(self, prompts: Sequence[Condition]) -> Condition:
        """`embeds` [K1+K2+...,D] and on the host `lengths` [B], so that nobody waits for the device to tell them."""
        import torch

        embeds = [prompt["embeds"] for prompt in prompts]
        return {"embeds": torch.cat(embeds), "lengths": torch.tensor([len(one) for one in embeds])}

    @property
    def prompt_shapes(self) -> dict[str, tuple[int, ...]]:
        """See Base."""
        return {"embeds": (USUAL_TOKENS, self.network.config.cap_feat_dim)}

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """See Base. The network counts time from noise to picture, and gives the velocity in that direction."""
        import torch

        frames = noisy.to(self.dtype).unsqueeze(2).unbind()
        prompts = condition["embeds"].split(condition["lengths"].tolist())
        velocity = self.network(list(frames), 1 - timesteps, list(prompts), return_dict=False)[0]
        return -torch.stack(velocity).squeeze(2)


BASES = (ZImage,)
