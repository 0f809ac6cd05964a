"""Section `train` of params.yaml, nested by who reads what; no torch here, so that settings are checked without it."""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from yaml import YAMLError

from likeness.diffusion.config import ObjectiveConfig
from likeness.diffusion.families import bases
from likeness.lora.config import AdapterConfig
from likeness.lora.kinds import kinds
from likeness.providers import TARGET
from likeness.setting_problems import as_yaml
from likeness.settings import Section, Seed, among
from likeness.strict_yaml import parse_yaml
from likeness.train import TRAINERS
from likeness.train.earlier_names import refusals


def _value(given: Any) -> Any:
    try:
        meant = parse_yaml(given) if isinstance(given, str) else ""
    except YAMLError:
        return given
    if not isinstance(meant, str):
        raise ValueError(
            f"a text, which an optimizer does not read as {as_yaml(meant)}: write {given} without quotes"
        )
    return given


Option = Annotated[Any, AfterValidator(_value)]
"""What an optimizer takes as it stands: "false" would be true."""
Beta = Annotated[float, Field(ge=0, lt=1)]


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

    @property
    def cuts_to_face(self) -> bool:
        """Whether squares around the faces are all that is seen, whatever captions say of framing."""
        return self.face_fraction is not None

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        if self.side_px % self.bucket_step_px:
            raise ValueError(
                f"side_px {self.side_px} is not a multiple of bucket_step_px {self.bucket_step_px}"
            )
        return self


class OptimizerConfig(Section):
    """How the weights are moved: a class of conf/train/optimizer/ with its own options, and what the loop does beside it."""

    model_config = ConfigDict(populate_by_name=True)

    target: str = Field(alias=TARGET)
    options: dict[str, Option]
    lr: float = Field(gt=0, le=10)
    text_encoder_lr: float | None = Field(gt=0, le=10)
    betas: tuple[Beta, Beta]
    weight_decay: float = Field(ge=0)
    grad_clip_norm: float = Field(gt=0)
    lora_plus_ratio: float = Field(gt=0)
    ema: float | None = Field(gt=0, lt=1)

    @property
    def name(self) -> str:
        """The class's own name, `AdamW`."""
        return self.target.rpartition(".")[2]

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
        return self._unless({
            f"warmup_steps ({self.warmup_steps}) must be less than steps ({self.steps})":
                self.epochs is None and self.warmup_steps >= self.steps,
            "lr_cycles: only lr_schedule cosine starts again": self.lr_cycles > 1 and self.lr_schedule != "cosine",
        })  # fmt: skip


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
        return self._unless({
            "keep_best validation_loss needs a validation_share to measure it on, .1 for example":
                self.keep_best == "validation_loss" and not self.validation_share,
            "keep_best identity needs pictures to measure it on: set sample_every_steps":
                self.keep_best == "identity" and self.sample_every_steps is None,
            "patience needs a measure: set keep_best to validation_loss or identity":
                self.patience is not None and self.keep_best is None,
        })  # fmt: skip


class DrawingConfig(Section):
    """What is drawn with while it trains (train/drawing.py); samples alone need prompts and what follows them."""

    negative_prompt: str
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    review_explicit: float
    max_explicit: float
    prompts: tuple[str, ...] | None = Field(min_length=1)
    seeds: tuple[Seed, ...] | None = Field(min_length=1)
    side_px: int | None = Field(ge=32, multiple_of=8)
    jpeg_quality: int | None = Field(ge=50, le=100)


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

    seed: Seed
    license: str = Field(min_length=1)
    start_from: str | None = Field(min_length=1)
    drawing: DrawingConfig | None
    trainer: Annotated[str, among(lambda: TRAINERS)]
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

    @property
    def preserved_images(self) -> int:
        """Of how many images of a batch the base's output is preserved."""
        images = self.objective.preservation_images if self.objective.preservation_weight else 0
        return min(self.data.batch_size, images)

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values  # refused next, as any section that is none
        values = cast("dict[str, Any]", values)
        flat = [name for name, value in values.items() if not isinstance(value, (dict, Section))]
        optimizer = values.get("optimizer")
        named = ["optimizer.name"] if isinstance(optimizer, dict) and "name" in optimizer else []
        if wrong := refusals([*sorted(flat), *named]):
            raise ValueError("; ".join(wrong))
        return values

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        optimizer, lora, kind = self.optimizer, self.lora, kinds()[self.lora.kind]
        averages, finds_rate = (optimizer.target.startswith(one) for one in ("schedulefree.", "prodigyopt."))
        one_rate = optimizer.lora_plus_ratio == 1 and optimizer.text_encoder_lr in (None, optimizer.lr)
        return self._unless({
            "optimizer schedule_free averages instead of a schedule: schedule.lr_schedule: constant":
                averages and self.schedule.lr_schedule != "constant",
            "optimizer prodigy finds one rate for all: lora_plus_ratio: 1, text_encoder_lr: null or lr":
                finds_rate and not one_rate,
            f"start_from: lora.kind {lora.kind} starts from the base's weights; go on from its file as from a LoRA of "
            f"{kind.FILE_RANKS} times the rank and alpha, with lora.kind: lora":
                self.start_from is not None and kind.FILE_RANKS > 1,
            f"lora.kind {lora.kind} has no down and up matrices: lora.rank_stabilized: false, lora.dropout: 0, "
            "optimizer.lora_plus_ratio: 1":
                not kind.MATRICES and (lora.rank_stabilized or lora.dropout > 0 or optimizer.lora_plus_ratio != 1),
            f"lora.kind {lora.kind}: it is loaded into the network alone; optimizer.text_encoder_lr: null":
                not kind.IN_PIPELINES and optimizer.text_encoders,
        })  # fmt: skip


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
