# pyright: basic
# (diffusers pipelines are not typed)
"""Z-Image: one stream of text and picture through a transformer that predicts a flow (arXiv 2511.22699)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from likeness.diffusion.bases import Base, Condition
from likeness.diffusion.noise import Flow
from likeness.lora.keys import kohya_layer
from likeness.train.config import Architecture, TrainConfig

# What ZImagePipeline reads of a prompt, chat template included (its max_sequence_length).
PROMPT_TOKENS = 512


class ZImageBase(Base):
    """A velocity at continuous times; prompts keep their own lengths, and none is padded."""

    NETWORK = "transformer"
    MID_TIMESTEP = 0.5

    @classmethod
    def incompatibility(cls, pipeline: Any, architecture: Architecture) -> str | None:
        """See Base."""
        reads, made = pipeline.transformer.config.in_channels, pipeline.vae.config.latent_channels
        if reads != made:
            return f"its transformer reads {reads} channels, its VAE makes {made}"
        if pipeline.scheduler.config.get("use_dynamic_shifting"):
            return "its scheduler shifts timesteps by the picture's size, which Z-Image's does not"
        return None

    @property
    def prediction(self) -> None:
        """See Base."""
        return

    def process(self, cfg: TrainConfig) -> Flow:
        """See Base."""
        return Flow(cfg.timesteps, cfg.timestep_shift or self.pipeline.scheduler.config.shift, self.device)

    @torch.no_grad()
    def encode_prompt(self, text: str) -> Condition:
        """`embeds` [K,D], K as long as the prompt is."""
        embeds, _ = self.pipeline.encode_prompt(
            text, device=self.device, do_classifier_free_guidance=False, max_sequence_length=PROMPT_TOKENS
        )
        return {"embeds": embeds[0].to(self.dtype).cpu()}

    def together(self, prompts: Sequence[Condition]) -> Condition:
        """`embeds` [K1+K2+...,D] and on the host `lengths` [B], so that nobody waits for the device to tell them."""
        embeds = [prompt["embeds"] for prompt in prompts]
        return {"embeds": torch.cat(embeds), "lengths": torch.tensor([len(one) for one in embeds])}

    def file_layer(self, name: str) -> str:
        """diffusers' name of the layer, which ComfyUI maps as it is to Z-Image's own."""
        return kohya_layer(name, encoders=0)

    def token_count(self, text: str) -> int:
        """See Base."""
        chat = [{"role": "user", "content": text}]
        told = self.pipeline.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        return len(self.pipeline.tokenizer(told).input_ids)

    @property
    def token_limit(self) -> int:
        """See Base."""
        return PROMPT_TOKENS

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """See Base. The network counts time from noise to picture, and gives the velocity in that direction."""
        frames = noisy.to(self.dtype).unsqueeze(2).unbind()
        prompts = condition["embeds"].split(condition["lengths"].tolist())
        velocity = self.network(list(frames), 1 - timesteps, list(prompts), return_dict=False)[0]
        return -torch.stack(velocity).squeeze(2)
