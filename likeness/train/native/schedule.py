"""The learning rate of a step: linear warm-up, then constant, or cosine or linear decay to zero.

Cosine may start again at the full rate: Loshchilov and Hutter, arXiv 1608.03983 (warm restarts, cycles of equal length).
"""

import math

from likeness.train.config import TrainConfig


def learning_rate(cfg: TrainConfig, step: int) -> float:
    """The rate of optimizer step `step`, counted from 0; pure, so a resume has nothing to restore."""
    if step < cfg.warmup_steps:
        return cfg.lr * (step + 1) / cfg.warmup_steps
    if cfg.lr_schedule == "constant":
        return cfg.lr
    progress = (step - cfg.warmup_steps) / (cfg.steps - cfg.warmup_steps)
    if cfg.lr_schedule == "linear":
        return cfg.lr * (1 - progress)
    return cfg.lr * (1 + math.cos(math.pi * (progress * cfg.lr_cycles % 1))) / 2
