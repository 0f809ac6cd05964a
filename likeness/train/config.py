"""Section `train` of params.yaml; no torch here, so that settings are checked without it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from likeness.diffusion.config import ObjectiveConfig
from likeness.diffusion.families import bases


class TrainConfig(ObjectiveConfig):
    """How the LoRA is trained; conf/train/default.yaml explains each key."""

    seed: int = Field(ge=0)
    steps: int = Field(ge=1, description="optimizer steps")
    epochs: float | None = Field(gt=0, description="gives the steps, once the dataset is known")
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
    gradient_accumulation: int = Field(ge=1)
    processes: int = Field(ge=1, le=1024)
    gradient_checkpointing: Literal["auto", "on", "off"]
    compile: bool

    lora_kind: Literal["lora", "dora", "pissa", "lokr"]
    rank: int = Field(ge=1, le=1024)
    alpha: float = Field(gt=0)
    rank_stabilized: bool
    targets: tuple[str, ...] = Field(min_length=1)
    blocks: tuple[str, ...] = Field(min_length=1)
    lora_dropout: float = Field(ge=0, lt=1)

    optimizer: Literal["adamw", "adamw_8bit", "adafactor", "lion", "prodigy", "schedule_free"]
    lr: float = Field(gt=0, le=10)
    text_encoder_lr: float | None = Field(gt=0, le=10)
    lr_schedule: Literal["constant", "cosine", "linear"]
    lr_cycles: int = Field(ge=1)
    warmup_steps: int = Field(ge=0)
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0)
    grad_clip_norm: float = Field(gt=0)
    lora_plus_ratio: float = Field(gt=0)
    ema: float | None = Field(gt=0, lt=1)

    probe_draws: int = Field(ge=1)
    validation_share: float = Field(ge=0, le=0.5)
    validate_every_steps: int = Field(ge=1)
    sample_every_steps: int | None = Field(ge=1)
    choose: Literal["last", "validation", "identity"]
    patience: int | None = Field(ge=1)
    divergence_factor: float = Field(gt=1)
    log_every_steps: int = Field(ge=1)
    usd_per_hour: float | None = Field(gt=0)
    checkpoint_every_steps: int = Field(ge=1)
    checkpoints_kept: int = Field(ge=1)
    share_checkpoints: bool
    weights_every_steps: int | None = Field(ge=1)
    weights_dtype: Literal["float32", "float16", "bfloat16"]
    device: Literal["auto", "cpu", "cuda"]
    license: str = Field(min_length=1)

    @property
    def parts(self) -> int:
        """Batches of one optimizer step, of all processes."""
        return self.gradient_accumulation * self.processes

    @property
    def file_rank(self) -> int:
        """The rank of a file: PiSSA's also takes off what the weights began as."""
        return 2 * self.rank if self.lora_kind == "pissa" else self.rank

    @property
    def file_alpha(self) -> float:
        """The alpha of a file: readers scale by alpha / rank, and rank-stabilized LoRA by alpha / sqrt(rank)."""
        alpha = self.alpha * self.rank**0.5 if self.rank_stabilized else self.alpha
        return alpha * self.file_rank / self.rank

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.epochs is None and self.warmup_steps >= self.steps:
            raise ValueError(
                f"train.warmup_steps {self.warmup_steps} leaves nothing of train.steps {self.steps}"
            )
        if self.optimizer == "schedule_free" and self.lr_schedule != "constant":
            raise ValueError(
                "train.optimizer schedule_free averages instead of a schedule: lr_schedule: constant"
            )
        if self.lr_cycles > 1 and self.lr_schedule != "cosine":
            raise ValueError("train.lr_cycles: only lr_schedule cosine starts again")
        if self.optimizer == "prodigy" and (
            self.lora_plus_ratio != 1 or self.text_encoder_lr not in (None, self.lr)
        ):
            raise ValueError(
                "train.optimizer prodigy finds one rate for all: lora_plus_ratio: 1, text_encoder_lr: null or lr"
            )
        if self.choose == "validation" and not self.validation_share:
            raise ValueError(
                "train.choose validation needs a train.validation_share to judge by, .1 for example"
            )
        if self.choose == "identity" and self.sample_every_steps is None:
            raise ValueError("train.choose identity needs pictures to judge by: set train.sample_every_steps")
        if self.patience is not None and self.choose == "last":
            raise ValueError("train.patience needs a judge: set train.choose to validation or identity")
        if self.lora_kind == "lokr" and (
            self.rank_stabilized or self.lora_dropout or self.lora_plus_ratio != 1
        ):
            raise ValueError(
                "train.lora_kind lokr has no down and up matrices: rank_stabilized: false, lora_dropout: 0, "
                "lora_plus_ratio: 1"
            )
        if self.lora_kind in ("dora", "lokr") and self.text_encoder_lr is not None:
            raise ValueError(
                f"train.lora_kind {self.lora_kind}: it is loaded into the network alone; text_encoder_lr: null"
            )
        if self.side_px % self.bucket_step_px:
            raise ValueError(
                f"train.side_px {self.side_px} is not a multiple of bucket_step_px {self.bucket_step_px}"
            )
        return self


def incompatibilities(architecture: str, train: TrainConfig) -> list[str]:
    """What the settings ask of a base of the architecture that means nothing there, with a remedy each."""
    base = bases()[architecture]
    shifted = train.timesteps != "uniform" or train.timestep_shift is not None
    wrong = {
        f"train.timesteps and timestep_shift belong to flows; {architecture} wants uniform and null":
            not base.FLOW and shifted,
        f"train.weighting {train.weighting} belongs to noise schedules; a flow wants weighting: none":
            base.FLOW and train.weighting != "none",
        f"train.text_encoder_lr: the text encoder of {architecture} does not learn here; set text_encoder_lr: null":
            not base.TEXT_ENCODERS and train.text_encoder_lr is not None,
        f"train.bucket_step_px {train.bucket_step_px} must be a multiple of {base.STEP_PX} for {architecture}":
            train.bucket_step_px % base.STEP_PX != 0,
    }  # fmt: skip
    return [problem for problem, present in wrong.items() if present]
