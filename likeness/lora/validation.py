"""The loss on images kept out of training, with fixed noise, and which weights are taken by it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Parameter

from likeness.lora.adapter import lora_tensors
from likeness.lora.config import TrainConfig
from likeness.lora.objective import Objective
from likeness.lora.world import World


class Validation:
    """Losses by step, as a finished file would have them; the best weights, if they are to be taken."""

    def __init__(self, objective: Objective | None, cfg: TrainConfig, world: World) -> None:
        self.objective, self.cfg, self.world = objective, cfg, world
        self.losses: dict[int, float] = {}
        self.best: dict[str, Tensor] = {}

    @property
    def best_step(self) -> int | None:
        """The step with the least loss, the first of equals."""
        return min(self.losses, key=lambda step: self.losses[step], default=None)

    @property
    def exhausted(self) -> bool:
        """Whether `patience` looks in a row brought nothing better."""
        steps, best = list(self.losses), self.best_step
        if self.cfg.patience is None or best is None:
            return False
        return len(steps) - 1 - steps.index(best) >= self.cfg.patience

    def due(self, done: int) -> bool:
        """Whether the loss is to be measured after `done` steps: every so often, and at the end."""
        if self.objective is None or done in self.losses:
            return False
        return done % self.cfg.validate_every_steps == 0 or done == self.cfg.steps

    def look(self, done: int, parameters: Mapping[str, Parameter]) -> float:
        """Measure; `parameters` are as a file would get them."""
        assert self.objective is not None
        self.losses[done] = self.world.first(self.objective.probe())
        if self.cfg.choose == "best" and self.best_step == done:
            self.best = lora_tensors(parameters)
        return self.losses[done]

    @torch.no_grad()
    def choose(self, parameters: Mapping[str, Parameter]) -> None:
        """Leave the weights that are to be taken in `parameters`."""
        for name, tensor in self.best.items():
            parameters[name].copy_(tensor)

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        steps, losses = (
            torch.tensor(list(self.losses)),
            torch.tensor(list(self.losses.values()), dtype=torch.float64),
        )
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        return {"validation.steps": steps, "validation.losses": losses} | best

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        steps, losses = tensors["validation.steps"], tensors["validation.losses"]
        self.losses = {int(step.item()): loss.item() for step, loss in zip(steps, losses, strict=True)}
        self.best = {
            name.removeprefix("best."): tensor for name, tensor in tensors.items() if name.startswith("best.")
        }
