"""The Protocol of a trainer, and the list of trainers. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from likeness.train import TRAINERS
from likeness.train.config import TrainConfig

if TYPE_CHECKING:
    from likeness.lora.export import LoadCheck
    from likeness.run import Run


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """How a run went whose weights are in place: of which `step` they are, and what it told on the way.

    `losses` and `rates` are by step, and `grad_norms` where the trainer tells them; `measured` by metric and step.
    `probe` is the loss on fixed batches before and after, `checkpoints` the intermediate weights files by step,
    `validation` how many images were kept out of each photograph that was.
    """

    step: int
    images: int
    losses: Sequence[float]
    grad_norms: Sequence[float]
    rates: Sequence[float]
    measured: Mapping[str, Mapping[int, float]]
    checkpoints: Mapping[int, Path]
    probe: Mapping[str, float]
    check: "LoadCheck"
    trainable_parameters: int
    validation: Mapping[str, int]


class Trainer(Protocol):
    """Makes a LoRA of models/PERSONA/lora_training/."""

    def train(self, run: "Run") -> TrainingResult | None:
        """Say on stderr what will be done, train, prove that the file loads, give it its name (`lora.export.publish`) and
        write loss.csv and metrics.json (`train.results`). None in processes that only help the one that reports.

        Raises:
            ConfigError: a setting means nothing to this trainer, or training cannot go on.
            InputError: the dataset cannot be trained on.
            TransientError: stopped by a signal; the next run goes on.
        """
        ...


def build_trainer(cfg: TrainConfig) -> Trainer:
    """The trainer that `train.trainer` names."""
    module, name = TRAINERS[cfg.trainer]
    return getattr(import_module(module), name)()
