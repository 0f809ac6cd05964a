"""LoRA training: a base model, cached inputs, an explicit loop, checkpoints, and a Kohya-key weights file.

Importing this package does not import torch; its modules (but for `config`) do.
"""

# Before PEFT is imported: it keeps bitsandbytes quiet.
from likeness import diffusion as diffusion
