"""Diffusion bases: families, loading, noise, drawing."""

import logging

# While it is imported (PEFT does, where it is installed) it warns of a missing package with kernels for its own layers of 4 bits.
# Ours unpack their weights and use none of them (quantize.py), so it would read as an error where nothing is wrong.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
