"""likeness: photographs of one consenting adult become a dataset and a LoRA, reproducibly."""

__version__ = "0.3.0"
