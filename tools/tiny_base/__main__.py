"""Makes the base that can draw: `python -m tools.tiny_base IMAGEFOLDER WORK [STEP ...]`.

IMAGEFOLDER holds pictures and metadata.jsonl (file_name, text, identity); WORK takes checkpoints, logs, sheets and
the exported base. Without STEPs all are done in order. A step that was stopped goes on from its checkpoint.
"""

import argparse
import importlib
from pathlib import Path

import torch

from tools.tiny_base.run import load_config

STEPS = {
    "describe": "what likeness measures in each picture: words, faces, explicit-material rating",
    "features": "a small classifier of captions and people, for the autoencoder's perceptual term",
    "vae": "the autoencoder",
    "decoder": "the autoencoder's decoder once more, for sharpness",
    "identity": "which embedder tells people apart in pictures of this size",
    "unet": "UNet and both text encoders",
    "export": "the folder that diffusers loads",
    "evaluate": "faces, colours, PSNR and distance from the training pictures; a contact sheet",
    "track": "the curves, sheets and scores to MLflow",
}


def main() -> None:
    """Do the steps asked for."""
    parser = argparse.ArgumentParser(prog="tools.tiny_base", description=__doc__)
    parser.add_argument("imagefolder", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("steps", nargs="*", help=", ".join(f"{name}: {what}" for name, what in STEPS.items()))
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    given = parser.parse_args()
    if unknown := [step for step in given.steps if step not in STEPS]:
        parser.error(f"no step {', '.join(unknown)}; the steps are {', '.join(STEPS)}")
    torch.set_num_threads(given.threads)
    cfg = load_config(given.imagefolder, given.work)
    for step in given.steps or STEPS:
        if not importlib.import_module(f"tools.tiny_base.{step}").main(cfg):
            raise SystemExit(f"{step} was stopped; the same command goes on")


if __name__ == "__main__":
    main()
