"""Training a LoRA: settings, and the trainers."""

# `train.trainer`: module and class; a trainer's libraries are loaded when it is chosen.
TRAINERS = {
    "native": ("likeness.train.native.trainer", "NativeTrainer"),
    "kohya": ("likeness.train.kohya.trainer", "KohyaTrainer"),
}
