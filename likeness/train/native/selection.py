"""What the weights are worth every so many steps: which are taken by it, and when it is enough."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn import Parameter

from likeness.lora.adapter import lora_tensors
from likeness.train.config import SelectionConfig
from likeness.train.native.distributed import Ranks
from likeness.train.native.training_loss import Objective

Stopped = Callable[[], bool]
"""Whether the run is to end now."""


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Gives the weights in the base, as a finished file would have them, a number.

    `evaluate(step, stopped)` is the same for the same step of a run; None where there is nothing to measure by, or the
    run was stopped before it had the number. `metric` is what the number is called, `best` whether least or most.
    """

    metric: Literal["validation_loss", "identity"]
    every_steps: int
    best: Callable[..., Any]
    evaluate: Callable[[int, Stopped], float | None]


def due(done: int, every_steps: int, steps: int) -> bool:
    """Whether an evaluator is due after `done` of `steps` steps: every so often and at the end."""
    return done > 0 and (done % every_steps == 0 or done == steps)


def validation(objective: Objective, every_steps: int) -> Evaluator:
    """The loss on images kept out of training, with fixed noise."""
    return Evaluator(
        metric="validation_loss",
        every_steps=every_steps,
        best=min,
        evaluate=lambda step, stopped: objective.probe(),
    )


class BestWeights:
    """Numbers by metric and step; the best weights by the evaluator of `keep_best`, if one does."""

    def __init__(
        self, evaluators: Sequence[Evaluator], cfg: SelectionConfig, steps: int, ranks: Ranks
    ) -> None:
        self.evaluators, self.patience, self.steps, self.ranks = evaluators, cfg.patience, steps, ranks
        self.chooser = next((one for one in evaluators if one.metric == cfg.keep_best), None)
        self.numbers: dict[str, dict[int, float]] = {one.metric: {} for one in evaluators}
        self.best: dict[str, Tensor] = {}

    @property
    def best_step(self) -> int | None:
        """The step whose weights are best, the first of equals."""
        if self.chooser is None or not (numbers := self.numbers[self.chooser.metric]):
            return None
        return self.chooser.best(numbers, key=numbers.__getitem__)

    @property
    def exhausted(self) -> bool:
        """Whether `patience` numbers in a row brought nothing better."""
        best = self.best_step
        if self.patience is None or self.chooser is None or best is None:
            return False
        steps = list(self.numbers[self.chooser.metric])
        return len(steps) - 1 - steps.index(best) >= self.patience

    def due(self, done: int) -> list[Evaluator]:
        """Who is due after `done` steps and has not."""
        unmeasured = [one for one in self.evaluators if done not in self.numbers[one.metric]]
        return [one for one in unmeasured if due(done, one.every_steps, self.steps)]

    def evaluate(self, done: int, parameters: Mapping[str, Parameter], stopped: Stopped) -> dict[str, float]:
        """The numbers of all that are due, by metric; `parameters` are as a file would get them."""
        taken: dict[str, float] = {}
        for evaluator in self.due(done):
            # The first process looks, the others wait for what it saw.
            number = evaluator.evaluate(done, stopped) if self.ranks.main and not stopped() else None
            number = self.ranks.first(math.nan if number is None else number)
            if math.isnan(number):
                continue
            self.numbers[evaluator.metric][done] = taken[evaluator.metric] = number
            if evaluator is self.chooser and self.best_step == done:
                self.best = lora_tensors(parameters)
        return taken

    @torch.no_grad()
    def load_best(self, parameters: Mapping[str, Parameter]) -> None:
        """Leave the weights that are to be taken in `parameters`."""
        for name, tensor in self.best.items():
            parameters[name].copy_(tensor)

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        tensors = {f"best.{name}": tensor for name, tensor in self.best.items()}
        for metric, numbers in self.numbers.items():
            tensors[f"looks.{metric}.steps"] = torch.tensor(list(numbers))
            tensors[f"looks.{metric}.numbers"] = torch.tensor(list(numbers.values()), dtype=torch.float64)
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for metric in self.numbers:
            kept = (cast(Any, tensors[f"looks.{metric}.{what}"]).tolist() for what in ("steps", "numbers"))
            self.numbers[metric] = dict(zip(*kept, strict=True))
        of_best = [name for name in tensors if name.startswith("best.")]
        self.best = {name.removeprefix("best."): tensors[name] for name in of_best}
