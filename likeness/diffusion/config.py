"""Section `base` of params.yaml, and the objective of training; no torch here, so that settings are checked without it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from likeness.diffusion.families import bases
from likeness.errors import ConfigError
from likeness.settings import HUB_COMMIT, Section, Seed, among, refuse_missing_path

Quantization = Literal["fp8", "int8", "nf4"]


# What a scheduler whose schedule ends in pure noise is told besides (arXiv:2305.08891).
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}

# `base.source` of the two models that come with likeness: trained, and built from a seed.
TINY = "tiny"
TINY_RANDOM = "tiny_random"
MODEL_INDEX = "model_index.json"


Architecture = Annotated[str, among(bases)]
"""A word that one of likeness.diffusion.families has a class for."""


class BaseModelConfig(Section):
    """The diffusion model a LoRA is trained on; conf/base/ has one file per choice.

    `source` is `tiny` (ships with likeness), `tiny_random` (built from `seed`), a hub id, a folder in diffusers layout, or
    one .safetensors file; `config` names a folder or hub id with the configuration files of a single file. `revision` is of
    what comes from the hub. `prediction`
    overrides what the base says that it predicts.
    """

    architecture: Architecture
    source: str = Field(min_length=1)
    revision: str | None
    variant: str | None
    config: str | None
    seed: Seed | None
    cpu_threads: int | None = Field(ge=1)
    quantize: Quantization | None
    prediction: Literal["epsilon", "v_prediction"] | None
    name: str = Field(min_length=1)

    def local(self, repository: Path) -> Path | None:
        """The file or folder that `source` names, against the repository; None for likeness' own models and for the
        hub's. What begins with `.`, `/` or `~`, ends in `.safetensors`, or is or
        lies below what the repository has, is never asked of the hub.

        Raises:
            ConfigError: it names a place where nothing is.
        """
        if self.source in (TINY, TINY_RANDOM):
            return None
        path = repository / Path(self.source).expanduser()
        if path.is_dir() or (path.is_file() and path.suffix == ".safetensors"):
            return path
        if path.is_file():
            raise ConfigError(
                f"base.source {self.source!r} is no .safetensors file",
                reason="base-unavailable",
                remedy="export it as .safetensors: .ckpt, .pt and .bin can run code and are not read",
            )
        if path.exists():
            raise ConfigError(
                f"base.source {self.source!r} is a pipe, a socket or a device",
                reason="base-unavailable",
                remedy="give a file, a folder or a hub id",
            )
        refuse_missing_path(
            "base.source", self.source, repository, reason="base-unavailable", what="file or folder"
        )
        return None

    def config_folder(self, repository: Path) -> Path | None:
        """The folder that `config` names, against the repository; None for the hub's.

        Raises:
            ConfigError: it names a place where none is.
        """
        if not self.config:
            return None
        folder = repository / Path(self.config).expanduser()
        if folder.is_dir():
            return folder
        refuse_missing_path("base.config", self.config, repository, reason="base-unavailable")
        return None

    def require_commit(self, repository: Path) -> None:
        """See that what is fetched from the hub, a model or the configuration of a single file, is what was reviewed.

        Raises:
            ConfigError: `base-unpinned`; and as `local` does.
        """
        setting, asked = "source", self.source
        if (local := self.local(repository)) is not None:
            if local.suffix != ".safetensors" or self.config_folder(repository):
                return
            setting, asked = "config", self.config
        if asked in (TINY, TINY_RANDOM) or (asked and HUB_COMMIT.fullmatch(self.revision or "")):
            return
        # Without a configuration diffusers takes the newest one of a repository that it guesses.
        why = f"is of the hub, and base.revision {self.revision!r} is not a commit" if asked else "is not set"
        raise ConfigError(
            f"base.{setting} {asked or 'for a single file'} {why}",
            reason="base-unpinned",
            remedy=f"name a downloaded folder as base.{setting}, or a hub id, with the 40 digits of a commit of its page as"
            " base.revision",
        )

    def require_layout(self, repository: Path) -> None:
        """See that a folder that `source` or `config` names is a model's in diffusers layout.

        Raises:
            ConfigError: it is not; and as `local` does.
        """
        local, config = self.local(repository), self.config_folder(repository)
        for setting, folder in (("source", local), ("config", config)):
            if folder is not None and folder.is_dir() and not (folder / MODEL_INDEX).is_file():
                raise ConfigError(
                    f"base.{setting} {folder} has no {MODEL_INDEX}: it is no model's folder in diffusers layout",
                    reason="base-unavailable",
                    remedy=f"name the folder that holds {MODEL_INDEX}, beside the folders of its parts",
                )

    @model_validator(mode="after")
    def _seeded(self) -> Self:
        return self._unless({
            "base.seed belongs to the base tiny_random: a number there, null for any other source":
                (self.source == TINY_RANDOM) != (self.seed is not None),
            f"base.prediction is null for {self.architecture}, which predicts a flow's velocity":
                self.prediction is not None and bases()[self.architecture].FLOW,
        })  # fmt: skip


class IpAdapterConfig(Section):
    """An IP-Adapter beside a base that reads no pictures itself: its `.safetensors` file, the folder of the CLIP image encoder
    it was trained with (config.json and model.safetensors), and how strongly it acts. Paths count from the repository."""

    weights: str = Field(pattern=r"^.+\.safetensors$")
    image_encoder: str = Field(min_length=1)
    scale: float = Field(gt=0, le=2)


class ObjectiveConfig(Section):
    """How noise is mixed in, and how the error counts; conf/train/default.yaml explains each key."""

    weighting: Literal["none", "min_snr", "debiased"]
    min_snr_gamma: float = Field(gt=0)
    timesteps: Literal["uniform", "logit_normal"]
    timestep_shift: float | None = Field(gt=0, le=100)
    noise_offset: float = Field(ge=0, le=1)
    huber_c: float | None = Field(gt=0)
    preservation_weight: float = Field(ge=0, le=100)
    preservation_images: int = Field(ge=1)
