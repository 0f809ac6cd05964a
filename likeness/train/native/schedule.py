"""The learning rate of a step: linear warm-up, then constant, or cosine or linear decay to zero.

Cosine may start again at the full rate: Loshchilov and Hutter, arXiv 1608.03983 (warm restarts, cycles of equal length).
"""

import math

from likeness.train.config import ScheduleConfig, TrainConfig


def learning_rate(schedule: ScheduleConfig, lr: float, step: int) -> float:
    """The rate of optimizer step `step`, counted from 0; pure, so a resume has nothing to restore."""
    if step < schedule.warmup_steps:
        return lr * (step + 1) / schedule.warmup_steps
    if schedule.lr_schedule == "constant":
        return lr
    progress = (step - schedule.warmup_steps) / (schedule.steps - schedule.warmup_steps)
    if schedule.lr_schedule == "linear":
        return lr * (1 - progress)
    return lr * (1 + math.cos(math.pi * (progress * schedule.lr_cycles % 1))) / 2


def learning_rates(cfg: TrainConfig, steps: int) -> list[float]:
    """The rates of a run's first steps."""
    return [learning_rate(cfg.schedule, cfg.optimizer.lr, step) for step in range(steps)]
