# pyright: basic
# (diffusers pipelines are not typed)
"""What every base model does for training, behind one small interface; likeness.diffusion.families has a module a family.

Neither this module nor a family's imports torch or diffusers before it computes: settings are checked against a family's
facts without them. Shapes: B batch, C latent channels, H and W height and width, K tokens of a prompt, D their width.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from likeness.diffusion.family import Family
from likeness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from likeness.diffusion.config import ObjectiveConfig, Quantization
    from likeness.diffusion.loss import Prediction
    from likeness.diffusion.noise import ForwardProcess
    from likeness.diffusion.reference import Reference
    from likeness.images import RGB

Condition = dict[str, "Tensor"]
"""What a model reads beside the noisy latents: tensors of one prompt, of a batch with B in front. `embeds` [K,D] in all
families; SDXL reads `pooled` [D2] and `time_ids` [6], too: original height and width, top and left of the crop, height
and width shown. Where prompts differ in length, a batch's `embeds` follow one another, and `lengths` [B] stays on the
host."""

PIXEL_HALF = 127.5  # 0..255 <-> -1..1
TINY_TEXT_WIDTH = 64  # hidden size of each text encoder of a tiny random base

# What torch, diffusers and transformers raise of weights that do not fit a network.
MISFIT = (ValueError, TypeError, RuntimeError, LookupError)


@dataclass(frozen=True, kw_only=True)
class Base(Family):
    """A frozen model on its device: what learns and the text encoders in `dtype`, the VAE in float32.

    `digest` is that of the weights as they were given, `quantized` the type of the network's packed weights, if any.
    A family's class states its facts.
    """

    name: str
    digest: str
    pipeline: Any
    device: torch.device
    dtype: torch.dtype
    quantized: Quantization | None
    # What it predicts, where the digest of its weights does not decide that.
    settled: Prediction | None = None

    @property
    def network(self) -> Any:
        """The UNet or transformer that gets the LoRA."""
        return getattr(self.pipeline, self.NETWORK)

    def parts(self, *, text_encoders: bool) -> dict[str, Any]:
        """The modules that get a LoRA, by their names in the pipeline: the network, and on request the text encoders.

        Raises:
            ConfigError: the text encoders of this family cannot learn.
        """
        if text_encoders and not self.TEXT_ENCODERS:
            raise ConfigError(
                f"train.optimizer.text_encoder_lr: the text encoder of {self.ARCHITECTURE} does not learn here",
                remedy="set train.optimizer.text_encoder_lr: null",
            )
        names = [self.NETWORK, *(self.TEXT_ENCODERS if text_encoders else ())]
        # The memory predictor's pipeline is a network alone.
        return {name: part for name in names if (part := getattr(self.pipeline, name, None)) is not None}

    @property
    def encoders(self) -> dict[str, str]:
        """What latents and embeddings depend on, for item keys."""
        return {"base": self.digest, "device": self.device.type, "dtype": str(self.dtype)}

    @property
    def identity(self) -> dict[str, str]:
        """What the network's outputs depend on, for item keys."""
        own = {"quantized": self.quantized, "prediction": self.settled}
        return self.encoders | {key: value for key, value in own.items() if value}

    @property
    def published(self) -> bool:
        """Whether the network has the published model's sizes, so that others' files may be told to be for it."""
        layer, width = self.RECOGNISED_BY
        return any(
            getattr(module, "in_features", None) == width and re.search(layer, name)
            for name, module in self.network.named_modules()
        )

    @property
    def prediction(self) -> Prediction | None:
        """What the network predicts of discrete noise steps; None where it predicts the velocity of a flow."""
        return None if self.FLOW else self.pipeline.scheduler.config.get("prediction_type", "epsilon")

    @property
    def zero_snr(self) -> bool:
        """Whether its schedule ends in pure noise."""
        return bool(self.pipeline.scheduler.config.get("rescale_betas_zero_snr"))

    def process(self, cfg: ObjectiveConfig) -> ForwardProcess:
        """How images become noise for this model, trained as `cfg` says."""
        from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

        from likeness.diffusion.noise import Diffusion, Flow

        if self.FLOW:
            shift = cfg.timestep_shift or self.pipeline.scheduler.config.shift
            return Flow(cfg.timesteps, shift, self.device)
        schedule: Any = DDPMScheduler.from_config(self.pipeline.scheduler.config)
        return Diffusion(schedule.alphas_cumprod.to(self.device), self.prediction or "epsilon", cfg)

    def scale(self, latents: Tensor) -> Tensor:
        """The VAE's latents [B,C,H/8,W/8] as the network reads them, of about unit variance."""
        vae = self.pipeline.vae.config
        return (latents - (vae.get("shift_factor") or 0.0)) * vae.scaling_factor

    def unscale(self, latents: Tensor) -> Tensor:
        """The inverse of `scale`."""
        vae = self.pipeline.vae.config
        return latents / vae.scaling_factor + (vae.get("shift_factor") or 0.0)

    def encode_image(self, rgb: RGB) -> Tensor:
        """Latents [C,H/8,W/8] of an image [H,W,3]: the posterior's mode, scaled; float32 on the CPU."""
        import torch

        pixels = torch.from_numpy(rgb.astype("float32")).permute(2, 0, 1).unsqueeze(0) / PIXEL_HALF - 1
        with torch.no_grad():
            mode = self.pipeline.vae.encode(pixels.to(self.device)).latent_dist.mode()
            return self.scale(mode)[0].float().cpu()

    def decode_latents(self, latents: Tensor) -> RGB:
        """The image [H,W,3] of latents [C,H/8,W/8]."""
        import torch

        with torch.no_grad():
            scaled = self.unscale(latents.unsqueeze(0).to(self.device, torch.float32))
            pixels = (self.pipeline.vae.decode(scaled, return_dict=False)[0][0] + 1) * PIXEL_HALF
        return pixels.permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).cpu().numpy()

    def draw(self, **options: Any) -> RGB:
        """One image [H,W,3] by the pipeline. It would decode in the network's type, in which SDXL's VAE loses colour."""
        return self.decode_latents(self.pipeline(**options, output_type="latent").images[0])

    def sharing_weights(self) -> Self:
        """The same weights, and what is loaded into them, in a pipeline whose schedule and tokenizers are its own: these remember
        what they are at, and would mix up two pictures that are drawn at the same time."""
        pipeline = copy(self.pipeline)
        for name, part in self.pipeline.components.items():
            if name.startswith(("scheduler", "tokenizer")):
                setattr(pipeline, name, deepcopy(part))
        return replace(self, pipeline=pipeline)

    def reading(self, reference: Reference | None) -> dict[str, Any]:
        """The pipeline's options for a picture to draw after, if there is one; what reads it is loaded, or taken out again.

        Raises:
            ConfigError: this family draws after no picture, or its adapter does not fit.
        """
        if reference is None:
            return {}
        from likeness.diffusion.families import titles  # here: they extend this module's class

        raise ConfigError(
            f"{self.TITLE} draws after no reference picture",
            reason="no-reference",
            remedy=f"set evaluate.arms: [base, lora], or choose a base that reads one: {titles(reference=True)}",
        )

    def encode_prompt(self, text: str) -> Condition:
        """The condition of one prompt, in `dtype` on the CPU, without gradients."""
        import torch

        with torch.no_grad():
            return {key: value.to(self.dtype).cpu() for key, value in self.read_prompt(text).items()}

    @abstractmethod
    def read_prompt(self, text: str) -> Condition:
        """The condition of one prompt, as the pipeline makes it."""

    def tokenize(self, text: str) -> Condition:
        """A prompt's tokens, `ids` [K] and more, for `encode_tokens`; on the CPU. For text encoders that can learn."""
        raise NotImplementedError

    def encode_tokens(self, tokens: Condition) -> Condition:
        """What `encode_prompt` gives, for a batch of tokens on the device and with gradients."""
        raise NotImplementedError

    def encode_condition(self, condition: Condition) -> Condition:
        """The condition, its tokens encoded if it holds tokens instead of embeddings."""
        return condition | self.encode_tokens(condition) if "ids" in condition else condition

    def collate(self, prompts: Sequence[Condition]) -> Condition:
        """The condition of a batch from those of its prompts."""
        import torch

        return {key: torch.stack([prompt[key] for prompt in prompts]) for key in prompts[0]}

    @property
    @abstractmethod
    def prompt_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of one usual prompt's condition, from the network's configuration alone."""

    @property
    def latent_channels(self) -> int:
        """C, from the network's configuration alone."""
        return self.network.config.in_channels

    @abstractmethod
    def token_count(self, text: str) -> int:
        """Tokens of a prompt with start and end; what exceeds `token_limit` is cut."""

    @property
    @abstractmethod
    def token_limit(self) -> int:
        """How many tokens the text encoders read."""

    @abstractmethod
    def predict(self, noisy: Tensor, timesteps: Tensor, condition: Condition) -> Tensor:
        """What the network predicts [B,C,H,W] for noisy latents [B,C,H,W] at the process's timesteps [B]."""
