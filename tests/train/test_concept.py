"""A LoRA teaches: what the base has never seen is drawn when its word is said."""

import json

import numpy as np
import pytest
import torch
from conf_sections import section
from lora_runs import EVERY_BLOCK, train_config
from PIL import Image, ImageDraw

from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.load import load_base
from likeness.digests import sha256_file
from likeness.lora.adapter import remove_lora
from likeness.lora.export import kohya_tensors
from likeness.lora.load import loaded_lora
from likeness.lora.safetensors_io import weights_bytes
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import read_examples
from likeness.train.native.loop import train

TINY = BaseModelConfig.model_validate(section("base/tiny.yaml"))
TARGETS = section("train/default.yaml")["lora"]["targets"]
PURPLE = (120, 20, 160)


def disc_share(rgb):
    """Share of the pixels that are purple: distinctly less green than red, and than blue."""
    red, green, blue = (rgb[..., channel].astype(int) for channel in range(3))
    return float(((red - green > 15) & (blue - green > 25)).mean())


@pytest.mark.slow
@pytest.mark.long
def test_a_lora_learns_an_object_the_base_has_never_seen(tmp_path, store):
    """Purple discs on white, called zorp: the base draws people when asked for one, the LoRA draws discs."""
    base, folder = load_base(TINY, device="cpu"), tmp_path / "lora_training"
    images, lines = folder / "train" / "10_zorp", []
    images.mkdir(parents=True)
    random = np.random.default_rng(3)
    for number in range(8):
        picture = Image.new("RGB", (128, 128), "white")
        x, y, radius = random.integers(50, 78), random.integers(50, 78), random.integers(30, 44)
        ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=PURPLE)
        picture.save(images / f"{number}.png")
        lines.append(
            {
                "file_name": f"10_zorp/{number}.png",
                "text": "zorp, plain white background",
                "sha256": sha256_file(images / f"{number}.png"),
            }
        )
    (folder / "train" / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    cfg = train_config(
        steps=160,
        batch_size=4,
        side_px=128,
        rank=16,
        alpha=16,
        lr=4e-3,
        targets=TARGETS,
        blocks=EVERY_BLOCK,
        checkpoint_every_steps=160,
        log_every_steps=40,
    )
    data = encode_examples(read_examples(folder), base, cfg, store)
    trained = train(base, data, cfg, RunFolder(tmp_path / "run", key="zorp", kept=1))
    remove_lora(base)
    file = tmp_path / "zorp.safetensors"
    file.write_bytes(
        weights_bytes(
            kohya_tensors(base, dict(trained.parameters), alpha=cfg.lora.file_alpha, dtype=torch.float32), {}
        )
    )
    shots = [
        GenerationRequest(
            prompt="zorp, plain white background",
            negative_prompt="",
            seed=seed,
            steps=12,
            guidance_scale=3.0,
            side_px=128,
        )
        for seed in (1, 2, 3)
    ]
    without = generate(base, shots)
    with loaded_lora(base, file):
        learned = generate(base, shots)
    assert max(map(disc_share, without)) < 0.05
    assert min(map(disc_share, learned)) > 0.1
