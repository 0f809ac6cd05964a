"""A training step of the house over its floor: the same model, LoRA and optimizer on one fixed batch.

    python -m bench.train_step       prints one line of JSON

The floor does forward, mean squared error, backward and AdamW and nothing else: no batches, noise, weights, clipping,
learning rate, records. Both sides train in one process and take turns, so a slow moment of the machine hits both.
"""

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
import yaml
from PIL import Image
from torch.nn.functional import mse_loss

from likeness.items import ItemStore, sha256_file
from likeness.lora.adapter import add_lora
from likeness.lora.base import Base, load_base
from likeness.lora.cache import TrainingSet, encode_samples
from likeness.lora.checkpoint import RunFolder
from likeness.lora.config import BaseModelConfig, TrainConfig
from likeness.lora.data import Sample
from likeness.lora.determinism import deterministic
from likeness.lora.loop import train

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "tests/photos/sources"
ROUNDS = 9
STEPS = 24  # of one round; its first WARM_UP are not counted
WARM_UP = 4


def main() -> None:
    """Measure in turns and print the median ratio."""
    torch.set_num_threads(torch.get_num_threads())
    values = yaml.safe_load((ROOT / "conf/train/default.yaml").read_text())
    small = {"steps": STEPS, "warmup_steps": 1, "weights_every_steps": None, "checkpoint_every_steps": STEPS}
    cfg = TrainConfig.model_validate(values | small | {"log_every_steps": STEPS, "probe_draws": 1})
    base_cfg = BaseModelConfig.model_validate(yaml.safe_load((ROOT / "conf/base/tiny.yaml").read_text()))
    ours: list[float] = []
    floors: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        samples = pictures(Path(place))
        for number in range(ROUNDS):
            base = load_base(base_cfg, device=cfg.device)
            data = encode_samples(samples, base, cfg, ItemStore(Path(place) / "items"))
            house = house_step(base, data, cfg, Path(place) / str(number))
            floor = floor_step(load_base(base_cfg, device=cfg.device), data, cfg)
            # Whoever goes first in a round is alternated.
            pair = (house, floor) if number % 2 else (floor, house)
            seconds = {side: side() for side in pair}
            ours.append(seconds[house])
            floors.append(seconds[floor])
    ratio = statistics.median(a / b for a, b in zip(ours, floors, strict=True))
    row = {
        "bench": "train_step", "device": str(base.device), "threads": torch.get_num_threads(),
        "batch": cfg.batch_size, "side_px": cfg.side_px, "house_ms": round(statistics.median(ours) * 1e3, 2),
        "floor_ms": round(statistics.median(floors) * 1e3, 2), "ratio": round(ratio, 4),
    }  # fmt: skip
    sys.stdout.write(json.dumps(row) + "\n")


def house_step(base: Base, data: TrainingSet, cfg: TrainConfig, place: Path) -> Callable[[], float]:
    """Median seconds of a step inside the real loop, seen from its calls of the UNet."""

    def measure() -> float:
        starts: list[float] = []
        hook = base.unet.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter()))
        train(base, data, cfg, RunFolder(place, key="bench", kept=1))
        hook.remove()
        # The first and the last call are the probe's.
        return median_gap(starts[1:-1])

    return measure


def floor_step(base: Base, data: TrainingSet, cfg: TrainConfig) -> Callable[[], float]:
    """Median seconds of the same number of steps on one batch, noise and timesteps."""
    parameters = add_lora(base.unet, cfg)
    optimizer: Any = torch.optim.AdamW(
        parameters.values(), lr=cfg.lr, betas=cfg.betas, weight_decay=cfg.weight_decay, fused=True
    )
    batch = data.order.epoch(0)[0]
    latents, condition = data.take(batch, torch.tensor(batch.members, device=base.device))
    noise = torch.randn(latents.shape, device=base.device)
    timesteps = torch.full((len(latents),), 500, device=base.device)

    def measure() -> float:
        starts: list[float] = []
        with deterministic(base.device):
            for _ in range(STEPS):
                starts.append(time.perf_counter())
                mse_loss(base.predict(latents, timesteps, condition).float(), noise).backward()
                optimizer.step()
                optimizer.zero_grad()
        return median_gap(starts)

    return measure


def median_gap(starts: list[float]) -> float:
    """Median of the times between starts, without the warm-up."""
    return statistics.median(b - a for a, b in zip(starts[WARM_UP:], starts[WARM_UP + 1 :], strict=False))


def pictures(place: Path) -> list[Sample]:
    """Eight of the sitters' photographs as training samples."""
    samples: list[Sample] = []
    for path in sorted(PHOTOS.iterdir())[:8]:
        with Image.open(path) as image:
            size = image.size
            target = place / f"{path.stem}.png"
            Image.fromarray(np.asarray(image.convert("RGB").crop((0, 0, min(size), min(size))))).save(target)
        side = min(size)
        samples.append(
            Sample(path=target, text=f"jade woman, {path.stem}", sha256=sha256_file(target), repeats=5, width=side,
                   height=side)
        )  # fmt: skip
    return samples


if __name__ == "__main__":
    main()
