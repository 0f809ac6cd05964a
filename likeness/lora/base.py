# pyright: basic
# (diffusers pipelines are not typed)
"""The base model: loaded from a seed, a hub id, a folder or one file, behind one small interface.

Shapes: B batch, C latent channels, H and W latent height and width, K tokens of a prompt, D their width.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray
from torch import Tensor
from transformers.utils import logging as transformers_logging

from likeness.errors import ConfigError
from likeness.items import sha256_bytes
from likeness.lora.config import RANDOM, TINY, Architecture, BaseModelConfig
from likeness.lora.digest import files_digest, folder_files, tensors_digest
from likeness.lora.loss import Prediction
from likeness.lora.random_base import build_random
from likeness.naming import cache_root

# diffusers imports its classes when they are asked for, unseen by type checkers.
parts: Any = diffusers

RGB = NDArray[np.uint8]
Condition = dict[str, Tensor]
"""`embeds` [K,D] of a prompt; SDXL adds `pooled` [D2] and `time_ids` [6]. A batch of them has B in front."""

PIPELINES: dict[Architecture, str] = {
    "sdxl": "StableDiffusionXLPipeline",
    "sd15": "StableDiffusionPipeline",
}
# The base that ships with likeness; its README says what it draws.
TINY_FOLDER = Path(__file__).with_name("tiny")
PIXEL_HALF = 127.5  # 0..255 <-> -1..1


@dataclass(frozen=True, kw_only=True)
class Base:
    """A frozen model on its device: UNet and text encoders in `dtype`, the VAE in float32."""

    architecture: Architecture
    name: str
    digest: str
    pipeline: Any
    device: torch.device
    dtype: torch.dtype

    @property
    def unet(self) -> Any:
        """The UNet2DConditionModel that gets the LoRA."""
        return self.pipeline.unet

    @property
    def identity(self) -> dict[str, str]:
        """What the model's outputs depend on, for item keys."""
        return {"base": self.digest, "device": self.device.type, "dtype": str(self.dtype)}

    @property
    def prediction(self) -> Prediction:
        """What the UNet predicts: the noise, or v."""
        return self.pipeline.scheduler.config.get("prediction_type", "epsilon")

    def alphas_cumprod(self) -> Tensor:
        """The training noise schedule [T], float32, on the device."""
        return parts.DDPMScheduler.from_config(self.pipeline.scheduler.config).alphas_cumprod.to(self.device)

    @torch.no_grad()
    def encode_image(self, rgb: RGB) -> Tensor:
        """Latents [C,H/8,W/8] of an image [H,W,3]: the posterior's mode, scaled; float32 on the CPU."""
        pixels = torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1).unsqueeze(0) / PIXEL_HALF - 1
        vae = self.pipeline.vae
        mode = vae.encode(pixels.to(self.device)).latent_dist.mode()
        return (mode[0] * vae.config.scaling_factor).float().cpu()

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> RGB:
        """The image [H,W,3] of latents [C,H/8,W/8]."""
        vae = self.pipeline.vae
        scaled = latents.unsqueeze(0).to(self.device, torch.float32) / vae.config.scaling_factor
        pixels = (vae.decode(scaled, return_dict=False)[0][0] + 1) * PIXEL_HALF
        return pixels.permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).cpu().numpy()

    @torch.no_grad()
    def encode_prompt(self, text: str) -> Condition:
        """`embeds` and for SDXL `pooled` of one prompt, in `dtype` on the CPU."""
        answer = self.pipeline.encode_prompt(
            text, device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        condition = {"embeds": answer[0]} | ({"pooled": answer[2]} if self.architecture == "sdxl" else {})
        return {key: value[0].to(self.dtype).cpu() for key, value in condition.items()}

    def token_count(self, text: str) -> int:
        """Tokens of a prompt with start and end; what exceeds `token_limit` is cut."""
        return len(self.pipeline.tokenizer(text, truncation=False, verbose=False).input_ids)

    @property
    def token_limit(self) -> int:
        """How many tokens the text encoders read."""
        return self.pipeline.tokenizer.model_max_length

    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """The noise or v [B,C,H,W] that the UNet predicts for noisy latents [B,C,H,W] at timesteps [B]."""
        added = None
        if self.architecture == "sdxl":
            added = {"text_embeds": condition["pooled"], "time_ids": condition["time_ids"]}
        return self.unet(
            noisy.to(self.dtype), timesteps, condition["embeds"], added_cond_kwargs=added, return_dict=False
        )[0]


def pick_device(wanted: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`; ConfigError when there is no GPU to take."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "train.device is cuda, but torch sees no GPU", reason="no-gpu",
            remedy="set train.device: auto, or install a torch build with CUDA and check nvidia-smi",
        )  # fmt: skip
    if wanted == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    # cuBLAS reads this when it is first used; without it equal runs may differ (docs.nvidia.com/cuda/cublas).
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda", torch.cuda.current_device())


def load_base(cfg: BaseModelConfig, *, device: str = "auto") -> Base:
    """The base model of the settings, frozen and on its device.

    On a CPU it also sets the process's number of torch threads to `cpu_threads`, if that is given.

    Raises:
        ConfigError: no such model or GPU, or the model is of another kind than base.architecture says.
    """
    place = pick_device(device)
    if place.type == "cpu" and cfg.cpu_threads is not None:
        torch.set_num_threads(cfg.cpu_threads)
    narrow = place.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if narrow else torch.float32
    # Before the pipelines are imported: they warn that torchvision is missing, which nothing here needs.
    transformers_logging.set_verbosity_error()
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    if cfg.source == RANDOM:
        pipeline: Any = build_random(cfg.architecture, cfg.seed or 0)
        digest = tensors_digest({name: module.state_dict() for name, module in _modules(pipeline)})
    else:
        try:
            pipeline, digest = _load(cfg, dtype)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"base.source {cfg.source!r} could not be loaded as {cfg.architecture}: {error}",
                reason="base-unavailable",
                remedy="give a hub id (with network access), a folder in diffusers layout, or a .safetensors "
                "file with base.config naming its configuration folder",
            ) from error
    _check_kind(pipeline, cfg)
    pipeline.set_progress_bar_config(disable=True)
    for name, part in _modules(pipeline):
        part.to(place).requires_grad_(False).eval()
        if part.dtype != (wanted := torch.float32 if name == "vae" else dtype):
            part.to(wanted)
    return Base(architecture=cfg.architecture, name=cfg.name, digest=digest, pipeline=pipeline, device=place,
                dtype=dtype)  # fmt: skip


def _modules(pipeline: Any) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)]


def _load(cfg: BaseModelConfig, dtype: torch.dtype) -> tuple[Any, str]:
    pipeline_class, memo = getattr(parts, PIPELINES[cfg.architecture]), cache_root() / "digests"
    options: dict[str, Any] = {} if cfg.architecture == "sdxl" else {"safety_checker": None}
    if cfg.source.endswith(".safetensors"):
        file = Path(cfg.source)
        digest = files_digest([file], file.parent, memo)
        if cfg.config is not None:
            options["config"] = cfg.config
        # One file is read in float32: a per-part dtype is not taken here, and the VAE must not lose bits.
        pipeline = pipeline_class.from_single_file(str(file), torch_dtype=torch.float32, **options)
        # A single file's name is no part of what it is.
        return pipeline, sha256_bytes(digest.encode())
    folder = TINY_FOLDER if cfg.source == TINY else Path(cfg.source)
    if not folder.is_dir():
        folder = Path(pipeline_class.download(
            cfg.source, revision=cfg.revision, variant=cfg.variant, use_safetensors=True))  # fmt: skip
    per_part = {"vae": torch.float32, "default": dtype}
    pipeline = pipeline_class.from_pretrained(
        str(folder), variant=cfg.variant, use_safetensors=True, torch_dtype=per_part, **options
    )
    return pipeline, files_digest(folder_files(folder, cfg.variant), folder, memo)


def _check_kind(pipeline: Any, cfg: BaseModelConfig) -> None:
    unet, schedule = pipeline.unet.config, pipeline.scheduler.config
    found = "sdxl" if unet.addition_embed_type == "text_time" else "sd15"
    latent_channels = pipeline.vae.config.latent_channels
    prediction = schedule.get("prediction_type", "epsilon")
    if (
        found != cfg.architecture
        or unet.in_channels != latent_channels
        or prediction not in ("epsilon", "v_prediction")
    ):
        raise ConfigError(
            f"base.source {cfg.source!r} is {found} with {unet.in_channels} latent channels and {prediction} "
            f"prediction; this trainer knows {cfg.architecture} with as many as its VAE has and noise or v",
            reason="base-kind",
            remedy="correct base.architecture, or take a text-to-image model that predicts noise or v",
        )
