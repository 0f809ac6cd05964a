"""Training a LoRA: settings, and the trainers."""
