# pyright: basic
# (diffusers pipelines are not typed)
"""Bases with a UNet and CLIP text encoders: SDXL and Stable Diffusion 1.5."""

from typing import Any

import diffusers
import torch
from torch import Tensor

from likeness.diffusion.bases import Base, Condition
from likeness.diffusion.loss import Prediction
from likeness.diffusion.noise import Diffusion
from likeness.lora.keys import kohya_layer
from likeness.train.config import Architecture, TrainConfig

# diffusers imports its classes when they are asked for, unseen by type checkers.
parts: Any = diffusers


class UNetBase(Base):
    """Noise or v in discrete steps; SDXL reads two text encoders and the picture's size, SD 1.5 one."""

    NETWORK = "unet"
    MID_TIMESTEP = 500
    TEXT_ENCODERS = ("text_encoder", "text_encoder_2")

    @classmethod
    def incompatibility(cls, pipeline: Any, architecture: Architecture) -> str | None:
        """See Base."""
        unet, latent_channels = pipeline.unet.config, pipeline.vae.config.latent_channels
        found = "sdxl" if unet.addition_embed_type == "text_time" else "sd15"
        if found != architecture:
            return f"it is {found}"
        if unet.in_channels != latent_channels:
            return f"its UNet reads {unet.in_channels} channels, its VAE makes {latent_channels}: no text-to-image model"
        prediction = pipeline.scheduler.config.get("prediction_type", "epsilon")
        return (
            None if prediction in ("epsilon", "v_prediction") else f"it predicts {prediction}, not noise or v"
        )

    @property
    def unet(self) -> Any:
        """The UNet2DConditionModel."""
        return self.pipeline.unet

    @property
    def prediction(self) -> Prediction:
        """The noise, or v."""
        return self.pipeline.scheduler.config.get("prediction_type", "epsilon")

    def alphas_cumprod(self) -> Tensor:
        """The training noise schedule [T], float32, on the device."""
        return parts.DDPMScheduler.from_config(self.pipeline.scheduler.config).alphas_cumprod.to(self.device)

    def process(self, cfg: TrainConfig) -> Diffusion:
        """See Base."""
        return Diffusion(self.alphas_cumprod(), self.prediction, cfg)

    @torch.no_grad()
    def encode_prompt(self, text: str) -> Condition:
        """`embeds` [K,D] and for SDXL `pooled` [D2] of one prompt, in `dtype` on the CPU."""
        answer = self.pipeline.encode_prompt(
            text, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        condition = {"embeds": answer[0]} | ({"pooled": answer[2]} if self.architecture == "sdxl" else {})
        return {key: value[0].to(self.dtype).cpu() for key, value in condition.items()}

    def tokenize(self, text: str) -> Condition:
        """`ids` [K] of each tokenizer."""
        tokenizers = {"ids": self.pipeline.tokenizer, "ids_2": getattr(self.pipeline, "tokenizer_2", None)}
        return {
            key: tokenizer(text, padding="max_length", truncation=True, return_tensors="pt",
                           max_length=tokenizer.model_max_length).input_ids[0]
            for key, tokenizer in tokenizers.items() if tokenizer is not None
        }  # fmt: skip

    def read(self, tokens: Condition) -> Condition:
        """See Base: SDXL reads the last layer but one of both encoders, SD 1.5 the last, normed."""
        if self.architecture == "sd15":
            return {"embeds": self.pipeline.text_encoder(tokens["ids"])[0].to(self.dtype)}
        first = self.pipeline.text_encoder(tokens["ids"], output_hidden_states=True)
        second = self.pipeline.text_encoder_2(tokens["ids_2"], output_hidden_states=True)
        embeds = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        return {"embeds": embeds.to(self.dtype), "pooled": second.text_embeds.to(self.dtype)}

    def file_layer(self, name: str) -> str:
        """See Base."""
        return kohya_layer(name, encoders=1 if self.architecture == "sd15" else 2)

    def token_count(self, text: str) -> int:
        """See Base."""
        return len(self.pipeline.tokenizer(text, truncation=False, verbose=False).input_ids)

    @property
    def token_limit(self) -> int:
        """See Base."""
        return self.pipeline.tokenizer.model_max_length

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """See Base."""
        added = None
        if self.architecture == "sdxl":
            added = {"text_embeds": condition["pooled"], "time_ids": condition["time_ids"]}
        return self.unet(
            noisy.to(self.dtype), timesteps, condition["embeds"], added_cond_kwargs=added, return_dict=False
        )[0]
