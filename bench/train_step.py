"""A training step of likeness over its floor: the same model, LoRA and optimizer on one fixed batch.

    python -m bench.train_step       prints one line of JSON

The floor does forward, mean squared error, backward and AdamW and nothing else: no batches, noise, weights,
clipping, learning rate, records. A step of likeness is measured inside the real loop, from one call of the UNet to
the next. Both train in one process and take turns every few steps, so a slow moment of the machine hits both.
"""

import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import mse_loss

from bench.settings import settings
from likeness.diffusion.bases import Base
from likeness.diffusion.load import load_base
from likeness.digests import sha256_file
from likeness.images import encode_jpeg
from likeness.lora.adapter import add_lora
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.train.native.batches import TrainingSet
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import TrainingExample
from likeness.train.native.loop import train

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "tests/photos/sources"
PICTURES = 8
STEPS = 96
BLOCK = 4  # steps of one side before the other's turn
WARM_UP_BLOCKS = 2


def main() -> None:
    """Measure in turns and print the median of the blocks' ratios."""
    cfg, base_cfg = settings(
        "base=tiny_random",
        f"train.schedule.steps={STEPS}",
        f"train.system.log_every_steps={BLOCK}",
        "train.checkpoint.weights_every_steps=null",
        f"train.checkpoint.every_steps={STEPS}",
        "train.selection.probe_draws=1",
    )
    with tempfile.TemporaryDirectory() as place:
        base, twin = (load_base(base_cfg, device=cfg.system.device) for _ in range(2))
        data = encode_examples(pictures(Path(place)), base, cfg, ItemStore(Path(place) / "items"))
        floor = floor_block(twin, data, cfg)
        ours: list[float] = []
        floors: list[float] = []
        starts: list[float] = []

        def turn(_step: int, _values: dict[str, float]) -> None:
            ours.append(median_gap(starts[-BLOCK:]))
            floors.append(floor())

        base.network.register_forward_pre_hook(lambda *_: starts.append(now(base.device)))
        train(base, data, cfg, RunFolder(Path(place) / "run", key="bench", kept=1), on_window=turn)
    ours, floors = ours[WARM_UP_BLOCKS:], floors[WARM_UP_BLOCKS:]
    row = {
        "bench": "train_step",
        "device": str(base.device),
        "threads": torch.get_num_threads(),
        "batch": cfg.data.batch_size,
        "side_px": cfg.data.side_px,
        "house_ms": round(statistics.median(ours) * 1e3, 2),
        "floor_ms": round(statistics.median(floors) * 1e3, 2),
        "ratio": round(statistics.median(a / b for a, b in zip(ours, floors, strict=True)), 4),
    }
    sys.stdout.write(json.dumps(row) + "\n")


def floor_block(base: Base, data: TrainingSet, cfg: TrainConfig) -> Callable[[], float]:
    """Returns what runs BLOCK floor steps and gives the median seconds of one."""
    parameters = add_lora(base, cfg.lora, seed=cfg.seed)
    optimizer: Any = torch.optim.AdamW(
        parameters.values(),
        lr=cfg.optimizer.lr,
        betas=cfg.optimizer.betas,
        weight_decay=cfg.optimizer.weight_decay,
        fused=True,
    )
    batch = data.order.epoch(0)[0]
    drawn = data.batch(batch, torch.tensor(batch.members, device=base.device))
    latents, condition = drawn.latents, drawn.condition
    noise = torch.randn(latents.shape, device=base.device)
    timesteps = torch.full((len(latents),), 500, device=base.device)

    def measure() -> float:
        starts: list[float] = []
        for _ in range(BLOCK):
            starts.append(now(base.device))
            mse_loss(base.predict(latents, timesteps, condition).float(), noise).backward()
            optimizer.step()
            optimizer.zero_grad()
        return median_gap(starts)

    return measure


def now(device: torch.device) -> float:
    """Seconds once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def median_gap(starts: list[float]) -> float:
    """Median of the times between starts."""
    return statistics.median(b - a for a, b in itertools.pairwise(starts))


def pictures(place: Path, side_px: int | None = None, count: int = PICTURES) -> list[TrainingExample]:
    """Synthetic people's photographs as square training images, as the stage dataset writes them: JPEGs, of their own size
    or scaled. From the ninth on they are turned."""
    paths = sorted(PHOTOS.iterdir())[:PICTURES]
    samples: list[TrainingExample] = []
    for number in range(count):
        turns, path = number // PICTURES, paths[number % PICTURES]
        target = place / f"{path.stem}-{turns}.jpg"
        with Image.open(path) as image:
            whole = min(image.size)
            side = side_px or whole
            square = image.convert("RGB").resize((side, side), box=(0, 0, whole, whole))
        target.write_bytes(encode_jpeg(np.rot90(np.asarray(square), turns)))
        samples.append(
            TrainingExample(
                path=target,
                text=f"jade woman, {target.stem}",
                sha256=sha256_file(target),
                repeats=5,
                width=side,
                height=side,
            )
        )
    return samples


if __name__ == "__main__":
    main()
