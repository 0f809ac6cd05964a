# pyright: basic
# (diffusers pipelines are not typed)
"""What every base model does for training, behind one small interface; likeness.diffusion.families has a module a family.

Neither this module nor a family's imports torch or diffusers before it computes: settings are checked against a family's
facts without them. Shapes: B batch, C latent channels, H and W height and width, K tokens of a prompt, D their width.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from likeness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
class Base(ABC):
    """A frozen model on its device: what learns and the text encoders in `dtype`, the VAE in float32.

    `digest` is that of the weights as they were given, `quantized` the type of the network's packed weights, if any.
    A family's class states the facts below.
    """

    name: str
    digest: str
    pipeline: Any
    device: torch.device
    dtype: torch.dtype
    quantized: Quantization | None
    # What it predicts, where the digest of its weights does not decide that.
    settled: Prediction | None = None

    # The word of base.architecture, and what people call it.
    ARCHITECTURE: ClassVar[str]
    TITLE: ClassVar[str]
    # diffusers' classes of the pipeline and of its part that predicts, that part's name, and further loading options.
    PIPELINE: ClassVar[str]
    NETWORK: ClassVar[str]
    NETWORK_CLASS: ClassVar[str]
    LOAD_OPTIONS: ClassVar[Mapping[str, Any]] = {}
    # Whether one .safetensors file can hold the whole model.
    SINGLE_FILE: ClassVar[bool] = True
    # The text encoders that can learn.
    TEXT_ENCODERS: ClassVar[tuple[str, ...]] = ()
    # Whether it predicts the velocity of a flow at times of 0..1, or noise or v in discrete steps.
    FLOW: ClassVar[bool]
    # A timestep at which both image and noise are seen.
    MID_TIMESTEP: ClassVar[float]
    # An image's sides are multiples of so many pixels.
    STEP_PX: ClassVar[int] = 8
    # How it draws after a picture of somebody: it reads one itself, or by an IP-Adapter; None where it cannot.
    REFERENCE: ClassVar[Literal["itself", "ip_adapter"] | None] = None
    # Whether its convolutions are faster with the channels last (on a GPU).
    CHANNELS_LAST: ClassVar[bool] = False
    # Layers whose weights stay as they are when the network's are packed: what tells it of time, text and size, and what
    # scales whole channels. Little memory, much effect.
    NOT_PACKED: ClassVar[str] = r"emb|norm"
    # How the names of the network's blocks begin.
    BLOCKS: ClassVar[tuple[str, ...]]
    # How a LoRA file begins the names of a part's layers; after `_` dots become `_`, too.
    FILE_PREFIXES: ClassVar[Mapping[str, str]]
    # Whether a file has Kohya's names of matrices and an alpha; else diffusers', and the scale is in the upper ones.
    FILE_ALPHA: ClassVar[bool] = True
    # Some layer's name in any naming, and the width of what it reads: a file without metadata is recognised by it.
    RECOGNISED_BY: ClassVar[tuple[str, int]]
    # Bases that are none of the family, by the width of what their attention reads of a token.
    OTHER_WIDTHS: ClassVar[Mapping[int, str]] = {}
    # What trainers (`ss_base_model_version`), ModelSpec and the model hub call it, and all of it in any file's metadata.
    SAID_AS: ClassVar[str]
    TRAINERS_NAME: ClassVar[str]
    MODELSPEC_NAME: ClassVar[str]
    HUB_TAG: ClassVar[str]
    # The published model: the side of its pictures, its network's configuration, that of the text encoders that can
    # learn (transformers' CLIPTextConfig), and the parameters of all its text encoders and of its VAE.
    PUBLISHED_SIDE_PX: ClassVar[int] = 1024
    PUBLISHED_NETWORK: ClassVar[Mapping[str, Any]]
    PUBLISHED_TEXT: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    PUBLISHED_TEXT_ENCODERS: ClassVar[float]
    PUBLISHED_VAE: ClassVar[float] = 83.7e6
    # The tiny random twin (tiny_random.py): classes and settings of its parts, and further options of its
    # pipeline.
    TEXT_CLASSES: ClassVar[Mapping[str, str]]
    VAE_CLASS: ClassVar[str] = "AutoencoderKL"
    TINY_TEXT_LAYERS: ClassVar[int] = 3  # the last but one is read
    TINY_NETWORK: ClassVar[Mapping[str, Any]]
    TINY_VAE: ClassVar[Mapping[str, Any]] = {}
    TINY_SCHEDULER: ClassVar[tuple[str, Mapping[str, Any]]]
    TINY_OPTIONS: ClassVar[Mapping[str, Any]] = {}

    @classmethod  # noqa: B027 - most families need none
    def prepare_tiny(cls, vae: Any) -> None:
        """Set what the tiny twin's VAE does not get from its settings."""

    @classmethod
    @abstractmethod
    def incompatibility(cls, pipeline: Any) -> str | None:
        """What keeps a pipeline from being a base of this architecture; None if nothing does."""

    @classmethod
    def file_layer(cls, name: str) -> str:
        """What a LoRA file calls the layer `PART.LAYER`, so that ComfyUI and diffusers find it."""
        part, _, layer = name.partition(".")
        prefix = cls.FILE_PREFIXES[part]
        return prefix + (layer.replace(".", "_") if prefix.endswith("_") else layer)

    @classmethod
    def other_names(cls, part: str, layer: str) -> Sequence[str]:
        """What other trainers' files call a layer of the part, beside diffusers' own name of it."""
        return ()

    @classmethod
    def fused_name(cls, layer: str) -> tuple[str, int] | None:
        """The original code's layer of the network of which this one is a third of the outputs, and which: query, key, value."""
        return None

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
            return Flow(
                cfg.timesteps, cfg.timestep_shift or self.pipeline.scheduler.config.shift, self.device
            )
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

    def reading(self, reference: Reference | None) -> dict[str, Any]:
        """The pipeline's options for a picture to draw after, if there is one; what reads it is loaded, or taken out again.

        Raises:
            ConfigError: this family draws after no picture, or its adapter does not fit.
        """
        if reference is None:
            return {}
        from likeness.diffusion.families import titles  # here: they extend this module's class

        raise ConfigError(
            f"{self.TITLE} draws after no reference picture", reason="no-reference",
            remedy=f"set evaluate.arms: [base, lora], or choose a base that reads one: {titles(reference=True)}",
        )  # fmt: skip

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
