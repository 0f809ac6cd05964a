"""The settings that are measured: what conf/ composes to with some changes."""

from pathlib import Path

from likeness.cli.compose import composed
from likeness.diffusion.config import BaseModelConfig
from likeness.train.config import TrainConfig

ROOT = Path(__file__).parents[1]
# What the floors and peers do not do: the ratios are those of the same work.
PLAIN = (
    "train.objective.preservation_weight=0",
    "train.optimizer.text_encoder_lr=null",
    "train.data.caption_dropout=0",
    "train.data.batch_size=4",
    "train.schedule.gradient_accumulation=1",
)


def settings(*overrides: str) -> tuple[TrainConfig, BaseModelConfig]:
    """Training's and the base's: conf/ with `PLAIN`, then with Hydra's overrides."""
    values = composed(ROOT, *PLAIN, *overrides)
    return TrainConfig.model_validate(values["train"]), BaseModelConfig.model_validate(values["base"])
