"""The settings that are measured: what conf/ composes to with some changes."""

from pathlib import Path

from likeness.cli.compose import composed
from likeness.diffusion.config import BaseModelConfig
from likeness.train.config import TrainConfig

ROOT = Path(__file__).parents[1]


def settings(*overrides: str) -> tuple[TrainConfig, BaseModelConfig]:
    """Training's and the base's, with Hydra's overrides."""
    values = composed(ROOT, *overrides)
    return TrainConfig.model_validate(values["train"]), BaseModelConfig.model_validate(values["base"])
