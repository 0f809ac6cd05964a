"""Training a LoRA: settings, and the trainers."""

# `train.trainer`: module and class; a trainer's libraries are loaded when it is chosen.
TRAINERS = {
    "native": ("likeness.train.native.trainer", "NativeTrainer"),
    "kohya": ("likeness.train.kohya.trainer", "KohyaTrainer"),
}

LESS_STEEP = "lower train.optimizer.lr, lengthen train.schedule.warmup_steps, or lower train.lora.alpha"
"""The remedy of a training that diverged."""
