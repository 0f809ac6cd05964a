"""Writes the trained base as a folder that StableDiffusionXLPipeline.from_pretrained reads: fp16 safetensors.

Writes WORK/base from WORK/vae and WORK/unet, the slow averages of their weights.
"""

import json
from pathlib import Path

import torch
from omegaconf import DictConfig

from tools.tiny_base.model import Denoiser, build_pipeline
from tools.tiny_base.unet import Trainset, load_trainset
from tools.tiny_base.vae import load_vae

LARGEST_BYTES = 40_000_000


def main(cfg: DictConfig) -> bool:
    """Export, and say what was exported in training.json."""
    folder = Path(cfg.work) / "base"
    vae = load_vae(cfg)
    data = load_trainset(cfg, vae)
    state = torch.load(Path(cfg.work) / "unet/checkpoint.pt", weights_only=True)
    model = trained(cfg, data, state)
    vae.register_to_config(scaling_factor=data.scale)
    build_pipeline(model.half(), vae.half(), data.tokenizer).save_pretrained(folder, safe_serialization=True)
    record = {
        "seed": cfg.seed,
        "data_sha256": data.faces.digest,
        "steps": state["step"],
        "pictures_drawn": state["step"] * cfg.unet.batch,
        "cpu_hours": round(state["cpu_seconds"] / 3600, 2),
        "license": "cc0-1.0",
    }
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {size / 1e6:.2f} MB, {state['step']} steps")
    if size > LARGEST_BYTES:
        raise SystemExit(f"{size} bytes are more than {LARGEST_BYTES}: make unet.channels smaller")
    return True


def trained(cfg: DictConfig, data: Trainset, state: dict) -> Denoiser:
    """The slow average of a checkpoint, frozen."""
    model = Denoiser(cfg, data.tokenizer)
    model.load_state_dict(state["ema"]["weights"])
    return model.requires_grad_(False).eval()
