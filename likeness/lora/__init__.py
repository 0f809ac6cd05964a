"""LoRA training: a base model, cached inputs, an explicit loop, checkpoints, and a Kohya-key weights file.

Importing this package does not import torch; its modules (but for `config`) do.
"""
