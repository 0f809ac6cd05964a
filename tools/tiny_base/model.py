"""The parts of the tiny base, of SDXL's architecture, and the pipeline they make."""

import diffusers
import torch
from diffusers.models.attention_processor import AttnProcessor
from omegaconf import DictConfig
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from tools.tiny_base.tokenizer import build_tokenizer

NOISE_SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
"""Stable Diffusion's own, as in the scheduler_config.json of SDXL."""


class Denoiser(nn.Module):
    """UNet and both text encoders, trained together. Shapes: B batch, K tokens."""

    def __init__(self, cfg: DictConfig, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        text = CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=cfg.text.width,
            projection_dim=cfg.text.width,
            intermediate_size=4 * cfg.text.width,
            num_hidden_layers=cfg.text.layers,
            num_attention_heads=cfg.text.heads,
            max_position_embeddings=cfg.text.tokens,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        self.text_encoder, self.text_encoder_2 = CLIPTextModel(text), CLIPTextModelWithProjection(text)
        self.unet = diffusers.UNet2DConditionModel(
            sample_size=cfg.data.side_px // 8,
            in_channels=cfg.vae.latent_channels,
            out_channels=cfg.vae.latent_channels,
            block_out_channels=tuple(cfg.unet.channels),
            layers_per_block=cfg.unet.layers,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=tuple(cfg.unet.transformer_layers),
            attention_head_dim=tuple(cfg.unet.heads),
            norm_num_groups=cfg.unet.groups,
            cross_attention_dim=2 * cfg.text.width,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=cfg.unet.size_width,
            projection_class_embeddings_input_dim=cfg.text.width + 6 * cfg.unet.size_width,
        ).to(memory_format=torch.channels_last)
        # Plain matrix products: on a CPU their backward pass takes a third less of a step than the fused one's.
        self.unet.set_attn_processor(AttnProcessor())

    def forward(self, noisy: Tensor, timesteps: Tensor, tokens: Tensor, sizes: Tensor) -> Tensor:
        """The noise in latents [B,4,H,W] at timesteps [B], for tokens [B,K] and size conditions [B,6]."""
        first = self.text_encoder(tokens, output_hidden_states=True)
        second = self.text_encoder_2(tokens, output_hidden_states=True)
        embeds = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        added = {"text_embeds": second.text_embeds, "time_ids": sizes}
        return self.unet(noisy, timesteps, embeds, added_cond_kwargs=added, return_dict=False)[0]


def build_pipeline(
    denoiser: Denoiser, vae: diffusers.AutoencoderKL, tokenizer: CLIPTokenizer
) -> diffusers.StableDiffusionXLPipeline:
    """The parts as diffusers draws with them; `vae` has its scaling factor already."""
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=denoiser.text_encoder,
        text_encoder_2=denoiser.text_encoder_2,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=denoiser.unet,
        # Trailing: the first step is the noisiest one (Lin et al., arXiv 2305.08891, section 3.3).
        scheduler=diffusers.EulerDiscreteScheduler(**NOISE_SCHEDULE, timestep_spacing="trailing"),
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def alphas_cumprod() -> Tensor:
    """Share of the signal's power at each of the 1000 timesteps."""
    return diffusers.DDPMScheduler(**NOISE_SCHEDULE).alphas_cumprod


__all__ = ["Denoiser", "alphas_cumprod", "build_pipeline", "build_tokenizer"]
