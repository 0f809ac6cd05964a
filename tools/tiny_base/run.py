"""What the steps share: settings, checkpoints that survive a stop, a log, a clock, sheets."""

import csv
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from PIL import Image
from torch import nn


def load_config(imagefolder: Path, work: Path) -> DictConfig:
    """config.yaml, with `folder` and `work`, which are the user's."""
    places = {"folder": str(imagefolder.resolve()), "work": str(work.resolve())}
    return OmegaConf.merge(OmegaConf.load(Path(__file__).with_name("config.yaml")), places)  # type: ignore[return-value]


def seed_step(seed: int, *names: object) -> np.random.Generator:
    """Random numbers for one step: the same after a stop as without one. Seeds torch too."""
    words = [seed, *(int.from_bytes(str(name).encode()[:8], "big") for name in names)]
    generator = np.random.default_rng(words)
    torch.manual_seed(int(generator.integers(2**62)))
    random.seed(int(generator.integers(2**62)))
    return generator


class Run:
    """One training program's folder: its clock over all starts, its checkpoint, its log; stops on SIGTERM."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        (folder / "pid").write_text(str(os.getpid()))
        self._cpu_before, self._last, self.step = -time.process_time(), {}, 0

    def _stop(self, *_: object) -> None:
        self.stopped = True

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds spent, over all starts: what limits training, however busy the machine."""
        return self._cpu_before + time.process_time()

    def due(self, what: str, minutes: float) -> bool:
        """Whether `what` is to be done again, by the wall clock."""
        now = time.monotonic()
        if now - self._last.setdefault(what, now) < minutes * 60:
            return False
        self._last[what] = now
        return True

    def save(self, state: dict[str, Any]) -> None:
        """Write the checkpoint; the old one stays until the new one is whole."""
        part = self.folder / "checkpoint.part"
        torch.save({**state, "step": self.step, "cpu_seconds": self.cpu_seconds}, part)
        part.replace(self.folder / "checkpoint.pt")

    def load(self) -> dict[str, Any] | None:
        """The checkpoint, if there is one."""
        file = self.folder / "checkpoint.pt"
        if not file.exists():
            return None
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.step, self._cpu_before = state["step"], state["cpu_seconds"] - time.process_time()
        return state

    def log(self, name: str = "log", **values: float) -> None:
        """A line of NAME.csv."""
        file = self.folder / f"{name}.csv"
        row = {
            "time": time.strftime("%F %T"),
            "step": self.step,
            "cpu_min": round(self.cpu_seconds / 60, 2),
            **{key: f"{value:.6g}" for key, value in values.items()},
        }
        new = not file.exists()
        with file.open("a", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)


class Ema:
    """A slow average of a module's weights, warmed up by min(decay, (1 + n) / (10 + n))."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.weights = {key: value.detach().clone() for key, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's weights."""
        self.count += 1
        keep = min(self.decay, (1 + self.count) / (10 + self.count))
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.weights[key].lerp_(value, 1 - keep)
            else:
                self.weights[key].copy_(value)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"count": self.count, "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.count, self.weights = state["count"], state["weights"]


def sheet(rows: list[NDArray[np.uint8]], file: Path, scale: int = 1) -> None:
    """A PNG of pictures: each row uint8 [N,H,W,3]."""
    picture = Image.fromarray(np.concatenate([np.concatenate(list(row), 1) for row in rows], 0))
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.NEAREST).save(file)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Peak signal to noise ratio in dB of each picture [N,H,W,3] of 0..255."""
    error = (first.astype(np.float64) - second).reshape(len(first), -1)
    return 10 * np.log10(255**2 / np.maximum((error**2).mean(1), 1e-9))
