"""Section `train` of params.yaml, nested by who reads what; no torch here, so that settings are checked without it."""

import re
from collections.abc import Iterable
from functools import reduce
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from likeness.diffusion.config import ObjectiveConfig
from likeness.diffusion.families import bases
from likeness.errors import ConfigError
from likeness.lora.config import AdapterConfig
from likeness.lora.kinds import kinds
from likeness.settings import Section


class DataConfig(Section):
    """What is shown: sizes, cuts, weights, captions, and how many images at a time."""

    side_px: int = Field(ge=32, le=4096)
    bucket_step_px: int = Field(ge=8)
    face_fraction: float | None = Field(gt=0, le=1)
    face_weight: float = Field(gt=0, le=100)
    outside_weight: float = Field(ge=0, le=1)
    prior_images: int = Field(ge=0, le=10_000)
    prior_weight: float = Field(gt=0, le=10)
    caption_shuffles: int = Field(ge=0, le=64)
    keep_tokens: int = Field(ge=0)
    caption_dropout: float = Field(ge=0, lt=1)
    batch_size: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        if self.side_px % self.bucket_step_px:
            raise ValueError(
                f"side_px {self.side_px} is not a multiple of bucket_step_px {self.bucket_step_px}"
            )
        return self


class OptimizerConfig(Section):
    """How the weights are moved."""

    name: Literal["adamw", "adamw_8bit", "adafactor", "lion", "prodigy", "schedule_free"]
    lr: float = Field(gt=0, le=10)
    text_encoder_lr: float | None = Field(gt=0, le=10)
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0)
    grad_clip_norm: float = Field(gt=0)
    lora_plus_ratio: float = Field(gt=0)
    ema: float | None = Field(gt=0, lt=1)

    @property
    def text_encoders(self) -> bool:
        """Whether the text encoders learn, too."""
        return self.text_encoder_lr is not None


class ScheduleConfig(Section):
    """How long, and how the rate goes."""

    steps: int = Field(ge=1, description="optimizer steps")
    epochs: float | None = Field(gt=0, description="gives the steps, once the dataset is known")
    lr_schedule: Literal["constant", "cosine", "linear"]
    lr_cycles: int = Field(ge=1)
    warmup_steps: int = Field(ge=0)
    gradient_accumulation: int = Field(ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.epochs is None and self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps {self.warmup_steps} leaves nothing of steps {self.steps}")
        if self.lr_cycles > 1 and self.lr_schedule != "cosine":
            raise ValueError("lr_cycles: only lr_schedule cosine starts again")
        return self


class SelectionConfig(Section):
    """What is measured on the way, which weights are kept by it, and when it is enough."""

    probe_draws: int = Field(ge=1)
    validation_share: float = Field(ge=0, le=0.5)
    validate_every_steps: int = Field(ge=1)
    sample_every_steps: int | None = Field(ge=1)
    keep_best: Literal["validation_loss", "identity"] | None
    patience: int | None = Field(ge=1)
    divergence_factor: float = Field(gt=1)

    @model_validator(mode="after")
    def _measured(self) -> Self:
        if self.keep_best == "validation_loss" and not self.validation_share:
            raise ValueError(
                "keep_best validation_loss needs a validation_share to measure it on, .1 for example"
            )
        if self.keep_best == "identity" and self.sample_every_steps is None:
            raise ValueError("keep_best identity needs pictures to measure it on: set sample_every_steps")
        if self.patience is not None and self.keep_best is None:
            raise ValueError("patience needs a measure: set keep_best to validation_loss or identity")
        return self


class CheckpointConfig(Section):
    """What is written on the way."""

    every_steps: int = Field(ge=1)
    kept: int = Field(ge=1)
    share: bool
    weights_every_steps: int | None = Field(ge=1)
    weights_dtype: Literal["float32", "float16", "bfloat16"]


class SystemConfig(Section):
    """On what it runs, and what of it is shown."""

    device: Literal["auto", "cpu", "cuda"]
    processes: int = Field(ge=1, le=1024)
    gradient_checkpointing: Literal["auto", "on", "off"]
    compile: bool
    log_every_steps: int = Field(ge=1)
    usd_per_hour: float | None = Field(gt=0)


class KohyaTrainerConfig(Section):
    """The user's checkout of sd-scripts, and the python that has what it needs; null takes ours."""

    checkout: str | None
    python: str | None


class TrainConfig(Section):
    """How the LoRA is trained; conf/train/default.yaml explains each key."""

    seed: int = Field(ge=0)
    license: str = Field(min_length=1)
    trainer: Literal["native", "kohya"]
    kohya: KohyaTrainerConfig
    data: DataConfig
    lora: AdapterConfig
    optimizer: OptimizerConfig
    objective: ObjectiveConfig
    schedule: ScheduleConfig
    selection: SelectionConfig
    checkpoint: CheckpointConfig
    system: SystemConfig

    @property
    def parts(self) -> int:
        """Batches of one optimizer step, of all processes."""
        return self.schedule.gradient_accumulation * self.system.processes

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: dict[str, Any]) -> dict[str, Any]:
        flat = sorted(
            name for name in values if name in MOVED and not isinstance(values[name], (dict, Section))
        )
        if flat:
            raise ValueError("; ".join(f"train.{name} is now train.{MOVED[name]}" for name in flat))
        return values

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        optimizer, lora = self.optimizer, self.lora
        if optimizer.name == "schedule_free" and self.schedule.lr_schedule != "constant":
            raise ValueError(
                "optimizer schedule_free averages instead of a schedule: schedule.lr_schedule: constant"
            )
        if optimizer.name == "prodigy" and (
            optimizer.lora_plus_ratio != 1 or optimizer.text_encoder_lr not in (None, optimizer.lr)
        ):
            raise ValueError(
                "optimizer prodigy finds one rate for all: lora_plus_ratio: 1, text_encoder_lr: null or lr"
            )
        kind = kinds()[lora.kind]
        if not kind.MATRICES and (lora.rank_stabilized or lora.dropout or optimizer.lora_plus_ratio != 1):
            raise ValueError(
                f"lora.kind {lora.kind} has no down and up matrices: lora.rank_stabilized: false, lora.dropout: 0, "
                "optimizer.lora_plus_ratio: 1"
            )
        if not kind.IN_PIPELINES and optimizer.text_encoders:
            raise ValueError(
                f"lora.kind {lora.kind}: it is loaded into the network alone; optimizer.text_encoder_lr: null"
            )
        return self


def _owned(owner: str, same: str, **renamed: str) -> dict[str, str]:
    return {
        old: f"{owner}.{new}" for old, new in {**{name: name for name in same.split()}, **renamed}.items()
    }


# Before settings were nested: the old name, and where it is now. Runs and their checkpoints are called by the old names.
MOVED = {
    **_owned("data", "side_px bucket_step_px face_fraction face_weight outside_weight prior_images prior_weight "
                     "caption_shuffles keep_tokens caption_dropout batch_size"),
    **_owned("lora", "rank alpha rank_stabilized targets blocks", lora_kind="kind", lora_dropout="dropout"),
    **_owned("optimizer", "lr text_encoder_lr betas weight_decay grad_clip_norm lora_plus_ratio ema", optimizer="name"),
    **_owned("objective", "weighting min_snr_gamma timesteps timestep_shift noise_offset huber_c"),
    **_owned("schedule", "steps epochs lr_schedule lr_cycles warmup_steps gradient_accumulation"),
    **_owned("selection", "probe_draws validation_share validate_every_steps sample_every_steps patience "
                          "divergence_factor", choose="keep_best"),
    **_owned("checkpoint", "weights_every_steps weights_dtype", checkpoint_every_steps="every_steps",
             checkpoints_kept="kept", share_checkpoints="share"),
    **_owned("system", "device processes gradient_checkpointing compile log_every_steps usd_per_hour"),
}  # fmt: skip
# Settings that change what is written on the way, never the weights that come out; epochs do so through steps.
NOT_IN_RUN_KEY = {
    "log_every_steps", "checkpoint_every_steps", "checkpoints_kept", "share_checkpoints", "divergence_factor",
    "usd_per_hour", "epochs",
}  # fmt: skip
EARLIER_CHOICES = {None: "last", "validation_loss": "validation", "identity": "identity"}  # of what is kept
OVERRIDE = re.compile(r"\btrain\.(\w+)=")


def run_settings(cfg: TrainConfig) -> dict[str, Any]:
    """What of the settings decides a run's result, under the names that keys of runs have always had."""
    values = cfg.model_dump(mode="json")
    settings = {
        name: reduce(lambda section, key: section[key], path.split("."), values)
        for name, path in MOVED.items()
        if name not in NOT_IN_RUN_KEY
    }
    return settings | {"seed": cfg.seed, "choose": EARLIER_CHOICES[cfg.selection.keep_best]}


def refuse_earlier_names(overrides: Iterable[str]) -> None:
    """Refuse `train.lr=3e-4` among the words of a command line.

    Raises:
        ConfigError: names the new place of each.
    """
    old = [name for word in overrides for name in OVERRIDE.findall(word) if name in MOVED]
    if old:
        raise ConfigError(
            "; ".join(f"train.{name} is now train.{MOVED[name]}" for name in old), remedy="give the new name"
        )


def incompatibilities(architecture: str, train: TrainConfig) -> list[str]:
    """What the settings ask of a base of the architecture that means nothing there, with a remedy each."""
    base, objective, step_px = bases()[architecture], train.objective, train.data.bucket_step_px
    shifted = objective.timesteps != "uniform" or objective.timestep_shift is not None
    wrong = {
        f"train.objective.timesteps and timestep_shift belong to flows; {architecture} wants uniform and null":
            not base.FLOW and shifted,
        f"train.objective.weighting {objective.weighting} belongs to noise schedules; a flow wants weighting: none":
            base.FLOW and objective.weighting != "none",
        f"train.optimizer.text_encoder_lr: the text encoder of {architecture} does not learn here; set text_encoder_lr: null":
            not base.TEXT_ENCODERS and train.optimizer.text_encoders,
        f"train.data.bucket_step_px {step_px} must be a multiple of {base.STEP_PX} for {architecture}":
            step_px % base.STEP_PX != 0,
    }  # fmt: skip
    return [problem for problem, present in wrong.items() if present]
