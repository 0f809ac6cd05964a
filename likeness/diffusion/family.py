"""The facts of a base family, which settings and LoRA files are read by, without torch and diffusers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Family(ABC):
    """What the class of each family states; what has no value here, each of them must."""

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
