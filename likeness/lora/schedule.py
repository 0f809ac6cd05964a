"""The learning rate of a step: linear warm-up, then constant, cosine or linear decay to zero."""

import math

from likeness.lora.config import TrainConfig


def learning_rate(cfg: TrainConfig, step: int) -> float:
    """The rate of optimizer step `step`, counted from 0; pure, so a resume has nothing to restore."""
    if step < cfg.warmup_steps:
        return cfg.lr * (step + 1) / cfg.warmup_steps
    if cfg.lr_schedule == "constant":
        return cfg.lr
    progress = (step - cfg.warmup_steps) / (cfg.steps - cfg.warmup_steps)
    return cfg.lr * (1 - progress if cfg.lr_schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2)
