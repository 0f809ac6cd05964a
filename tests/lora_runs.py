"""One whole training run into a folder, as the stage does it; also a program, so that a test can kill it.

python lora_runs.py FOLDER KILL_AFTER_STEP SETTINGS_JSON

With KILL_AFTER_STEP 0 nothing is killed, and the first of several processes writes trained.safetensors.
"""

import json
import os
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from conf_sections import section
from PIL import Image
from transformers import PreTrainedTokenizerBase

from likeness.config import Config
from likeness.diffusion.bases import Base
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.families import bases
from likeness.diffusion.families.sd import SDXL
from likeness.diffusion.load import load_base
from likeness.digests import sha256_bytes, sha256_file
from likeness.lora.safetensors_io import read_metadata
from likeness.store.items import ItemStore
from likeness.train.config import DrawingConfig, TrainConfig
from likeness.train.drawing import drawing
from likeness.train.earlier_names import MOVED, PRESERVATION
from likeness.train.native.batches import TrainingSet
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import read_examples
from likeness.train.native.distributed import beside
from likeness.train.native.job import prepare
from likeness.train.native.loop import LoopResult
from likeness.train.native.metadata import Facts
from likeness.train.native.prior import prior_examples
from likeness.train.native.selection import Evaluator
from likeness.train.native.start import Start

# A setting's own name is enough for tests, and its earlier one where others share the name.
SHORT = {path.rpartition(".")[2]: path for path in MOVED.values()} | MOVED | PRESERVATION
SIDE_PX = 64
# Of a UNet's layers those of one block learn, where a test does not ask for all: 36 of 192, in a third of the time.
ONE_BLOCK, EVERY_BLOCK = ["up_blocks.1"], ["down_blocks", "mid_block", "up_blocks"]


def told_base(family: type[Base] = SDXL, **told: object) -> Any:
    """What a file says of a base, without one."""
    words = {name: getattr(family, name) for name in ("TRAINERS_NAME", "MODELSPEC_NAME", "FILE_ALPHA")}
    usual = {"name": "likeness-random-sdxl", "published": True, "digest": "0" * 64, "quantized": None,
             "prediction": "epsilon", "zero_snr": False}  # fmt: skip
    return SimpleNamespace(**words, **usual | told)


FACTS = Facts(
    training_set_sha256="1" * 64,
    title="jade-v1", trigger="jade", class_word="woman", consent_id="jade-2026-01", base=told_base(),
)  # fmt: skip


def make_folder(folder: Path, sizes: tuple[tuple[int, int], ...] = ((96, 96),) * 3, repeats: int = 2) -> Path:
    """A Kohya folder of smooth coloured images of these sizes, the same ones every time."""
    random = np.random.default_rng(7)
    images = folder / "train" / f"{repeats}_jade woman"
    images.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (width, height) in enumerate(sizes, start=1):
        path = images / f"jade-s{number}.png"
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(path)
        text = f"jade woman, picture {number}"
        path.with_suffix(".txt").write_text(text)
        name = path.relative_to(folder / "train").as_posix()
        lines.append({"file_name": name, "text": text, "sha256": sha256_file(path)})
    (folder / "train" / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


class Stop(Exception):
    """Ends a run from outside."""


def stop_at(step: int) -> Callable[[int, dict[str, float]], None]:
    """An `on_window` that ends the run when the losses up to `step` are read."""

    def on_window(done: int, values: dict[str, float]) -> None:
        if done >= step and "loss" in values:
            raise Stop

    return on_window


def train_config(architecture: str = "sdxl", **changes: object) -> TrainConfig:
    """conf/train/full.yaml made small, for flows with what their experiment changes; `changes` by their short names,
    `optimizer` a choice of conf/train/optimizer/."""
    overrides = [f"+experiment={architecture}"] * bases()[architecture].FLOW
    if "optimizer" in changes:
        overrides.append(f"train/optimizer={changes.pop('optimizer')}")
    values = section("train/full.yaml", *overrides)
    small = {
        "steps": 6, "side_px": SIDE_PX, "bucket_step_px": 64, "batch_size": 2, "warmup_steps": 1, "rank": 4,
        "alpha": 2, "probe_draws": 1, "log_every_steps": 2, "checkpoint_every_steps": 3,
        "weights_every_steps": None, "lr": 3.0e-3, "weights_dtype": "float32", "device": "cpu", "divergence_factor": 50.0,
        "gradient_accumulation": 1,
    }  # fmt: skip
    if not bases()[architecture].FLOW:
        small["blocks"] = ONE_BLOCK
    for name, value in (small | changes).items():
        owner, _, key = SHORT.get(name, name).rpartition(".")
        (values[owner] if owner else values)[key] = value
    return TrainConfig.model_validate(values)


def with_drawing(cfg: Config) -> Config:
    """The settings as conf/ composes them: training draws, if it does, as evaluate does."""
    sections = (cfg.evaluate.model_dump(), cfg.ingest.model_dump())
    drawn = drawing(cfg.train.selection.sample_every_steps, cfg.train.data.prior_images, *sections)
    own = None if drawn is None else DrawingConfig.model_validate(drawn)
    return cfg.model_copy(update={"train": cfg.train.model_copy(update={"drawing": own})})


def base_config(architecture: str = "sdxl", **changes: object) -> BaseModelConfig:
    """conf/base/tiny_random.yaml, also as its twins of other architectures."""
    return BaseModelConfig.model_validate(
        section("base/tiny_random.yaml") | {"architecture": architecture} | changes
    )


def random_base(architecture: str = "sdxl") -> Base:
    """An untouched random base; one is built for a process, and copied: by pickle, in a third of the time of deepcopy."""
    copies = _Copies(BytesIO(_random_base(architecture)[0]))
    copies.held = _random_base(architecture)[1]
    return copies.load()


@cache
def _random_base(architecture: str) -> tuple[bytes, dict[int, Any]]:
    """The base's structure, and what it holds."""
    pickler = _Held(structure := BytesIO())
    pickler.held = {}
    pickler.dump(load_base(base_config(architecture), device="cpu"))
    return structure.getvalue(), pickler.held


class _Held(pickle.Pickler):
    """Writes a number in place of each tensor, and of each tokenizer: some are slow to read."""

    held: dict[int, Any]

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, torch.Tensor | PreTrainedTokenizerBase):
            return None
        self.held[id(obj)] = obj
        return id(obj)


class _Copies(pickle.Unpickler):
    """Gives a copy of each, and the same one for the same number."""

    held: dict[int, Any]

    def persistent_load(self, number: int) -> Any:
        self.copies = getattr(self, "copies", {})
        if number not in self.copies:
            self.copies[number] = deepcopy(self.held[number])
        return self.copies[number]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run with what it was made of; `data` are the weights file's bytes."""

    base: Base
    set: TrainingSet
    folder: RunFolder
    trained: LoopResult
    data: bytes

    @property
    def sha256(self) -> str:
        return sha256_bytes(self.data)

    @property
    def metadata(self) -> dict[str, str]:
        return read_metadata(self.data)


def run_in(
    place: Path, dataset: Path, cfg: TrainConfig, *, architecture: str = "sdxl", resume_as: str | None = None,
    quantize: str | None = None, run: RunFolder | None = None,
    on_window: Callable[[int, dict[str, float]], None] = lambda step, values: None,
    evaluator: Callable[[Base], Evaluator] | None = None, prior: Sequence[tuple[Path, str, str]] = (),
    start: Start | None = None,
) -> Run:  # fmt: skip
    """Train on `dataset` with all working files below `place`; `resume_as` overrides the run's key, `evaluator` measures, too.
    `prior` are pictures of the class with captions and digests."""
    base = (
        load_base(base_config(architecture, quantize=quantize), device="cpu")
        if quantize
        else random_base(architecture)
    )
    job = prepare(
        base, read_examples(dataset), cfg, ItemStore(place / "items"), replace(FACTS, base=told_base(quantized=base.quantized)),
        draw_prior=lambda examples: prior_examples(prior, examples, SIDE_PX) if prior else [], start=start,
    )  # fmt: skip
    key = resume_as or job.key
    folder = run or RunFolder(place / "training" / key, key=key, kept=cfg.checkpoint.kept)
    trained = job.train(folder, on_window=on_window, evaluators=[evaluator(base)] if evaluator else [])
    final = job.file(dict(trained.parameters), trained.step)
    return Run(base=base, set=job.data, folder=folder, trained=trained, data=final)


def main(place: Path, dataset: Path, kill_after: int, settings: dict[str, object]) -> None:
    torch.set_num_threads(1)

    def kill(step: int, values: dict[str, float]) -> None:
        if kill_after and step >= kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    cfg = train_config(**settings)
    with beside([sys.executable, *sys.argv], cfg.system.processes):
        run = run_in(place, dataset, cfg, on_window=kill)
        if os.environ.get("RANK", "0") == "0":
            (place / "trained.safetensors").write_bytes(run.data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
