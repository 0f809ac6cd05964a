# pyright: basic
# (diffusers pipelines are not typed)
"""What every base model does for training, behind one small interface; one module a family of architectures.

Shapes: B batch, C latent channels, H and W latent height and width, K tokens of a prompt, D their width.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness.diffusion.loss import Prediction
from likeness.diffusion.noise import Process
from likeness.errors import ConfigError
from likeness.train.config import Architecture, Quantization, TrainConfig

RGB = NDArray[np.uint8]
Condition = dict[str, Tensor]
"""What a model is told: tensors of one prompt, of a batch with B in front. `embeds` [K,D] in all families; SDXL reads
`pooled` [D2] and `time_ids` [6], too: original height and width, top and left of the crop, height and width shown.
Where prompts differ in length, a batch's `embeds` follow one another, and `lengths` [B] stays on the host."""

PIXEL_HALF = 127.5  # 0..255 <-> -1..1


@dataclass(frozen=True, kw_only=True)
class Base(ABC):
    """A frozen model on its device: what learns and the text encoders in `dtype`, the VAE in float32.

    `digest` is that of the weights as they were given, `quantized` what became of the network's."""

    architecture: Architecture
    name: str
    digest: str
    pipeline: Any
    device: torch.device
    dtype: torch.dtype
    quantized: Quantization | None

    # The part of the pipeline that predicts, and those of its text encoders that can learn.
    NETWORK: ClassVar[str]
    # A timestep of its process at which both image and noise are seen.
    MID_TIMESTEP: ClassVar[float]
    TEXT_ENCODERS: ClassVar[tuple[str, ...]] = ()

    @property
    def network(self) -> Any:
        """The UNet or transformer that gets the LoRA."""
        return getattr(self.pipeline, self.NETWORK)

    def parts(self, *, text_encoders: bool) -> dict[str, Any]:
        """The modules that get a LoRA, by their names in the pipeline: the network, and the text encoders if asked.

        Raises:
            ConfigError: the text encoders of this family cannot learn.
        """
        if text_encoders and not self.TEXT_ENCODERS:
            raise ConfigError(
                f"train.text_encoder_lr: the text encoder of {self.architecture} does not learn here",
                remedy="set train.text_encoder_lr: null",
            )
        names = [self.NETWORK, *(self.TEXT_ENCODERS if text_encoders else ())]
        return {name: part for name in names if (part := getattr(self.pipeline, name, None)) is not None}

    @property
    def encoders(self) -> dict[str, str]:
        """What latents and embeddings depend on, for item keys."""
        return {"base": self.digest, "device": self.device.type, "dtype": str(self.dtype)}

    @property
    def identity(self) -> dict[str, str]:
        """What the network's outputs depend on, for item keys."""
        return self.encoders | ({"quantized": self.quantized} if self.quantized else {})

    @classmethod
    @abstractmethod
    def incompatibility(cls, pipeline: Any, architecture: Architecture) -> str | None:
        """What keeps a pipeline from being a base of the architecture; None if nothing does."""

    @property
    @abstractmethod
    def prediction(self) -> Prediction | None:
        """What the network predicts of discrete noise steps; None where it predicts the velocity of a flow."""

    @abstractmethod
    def process(self, cfg: TrainConfig) -> Process:
        """How images become noise for this model, trained as `cfg` says."""

    @torch.no_grad()
    def encode_image(self, rgb: RGB) -> Tensor:
        """Latents [C,H/8,W/8] of an image [H,W,3]: the posterior's mode, scaled; float32 on the CPU."""
        pixels = torch.from_numpy(rgb.astype(np.float32)).permute(2, 0, 1).unsqueeze(0) / PIXEL_HALF - 1
        vae = self.pipeline.vae
        mode = vae.encode(pixels.to(self.device)).latent_dist.mode()
        return ((mode[0] - self._shift) * vae.config.scaling_factor).float().cpu()

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> RGB:
        """The image [H,W,3] of latents [C,H/8,W/8]."""
        vae = self.pipeline.vae
        scaled = latents.unsqueeze(0).to(self.device, torch.float32) / vae.config.scaling_factor + self._shift
        pixels = (vae.decode(scaled, return_dict=False)[0][0] + 1) * PIXEL_HALF
        return pixels.permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).cpu().numpy()

    @property
    def _shift(self) -> float:
        return self.pipeline.vae.config.get("shift_factor") or 0.0

    @abstractmethod
    def encode_prompt(self, text: str) -> Condition:
        """The condition of one prompt, in `dtype` on the CPU, without gradients."""

    def tokenize(self, text: str) -> Condition:
        """The numbers of a prompt's tokens, for `read`; on the CPU. Families whose text encoders can learn have both."""
        raise NotImplementedError

    def read(self, tokens: Condition) -> Condition:
        """What `encode_prompt` gives, for a batch of tokens on the device and with gradients."""
        raise NotImplementedError

    def told(self, condition: Condition) -> Condition:
        """The condition, its tokens read if it holds tokens instead of embeddings."""
        return condition | self.read(condition) if "ids" in condition else condition

    def together(self, prompts: Sequence[Condition]) -> Condition:
        """The condition of a batch from those of its prompts."""
        return {key: torch.stack([prompt[key] for prompt in prompts]) for key in prompts[0]}

    @abstractmethod
    def file_layer(self, name: str) -> str:
        """What a LoRA file calls the layer `PART.LAYER`, so that ComfyUI and diffusers find it."""

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
