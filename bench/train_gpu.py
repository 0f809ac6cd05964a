"""Training published bases on a GPU: each architecture at full size with random weights, through likeness' own loop.

    python -m bench.train_gpu                                    SDXL; prints a line of JSON a measurement and a last one
    python -m bench.train_gpu --base flux2                       FLUX.2 klein; zimage, too
    python -m bench.train_gpu --toy --side-px 64 --batches 1,2   the same at toy size, also without a GPU

Images a second and the most memory at each batch until one does not fit or brings nothing more, with and without
torch.compile (regional: the transformer blocks) and gradient checkpointing. Utilisation is the arithmetic that images
need - forward, and backward through a frozen base to a LoRA, counted on a model without data - a second, over the rate
of a plain matrix product in the same precision on the same machine; what checkpointing computes twice counts once. Beside
the most memory stands what likeness/train/native/memory.py predicts of the network and its LoRA, the runtime left out.
"""

import argparse
import itertools
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.utils import logging
from torch.utils.flop_counter import FlopCounterMode

from bench.settings import settings
from bench.train_start import peak_of
from bench.train_step import now
from likeness.diffusion.bases import Base
from likeness.diffusion.families import bases
from likeness.diffusion.load import pick_device
from likeness.errors import ConfigError
from likeness.lora.adapter import add_lora
from likeness.train.config import TrainConfig
from likeness.train.native.batches import BucketTensors, TrainingSet
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import Order, TrainingExample
from likeness.train.native.loop import train
from likeness.train.native.memory import RUNTIME_BYTES, footprint

WINDOW, WARM_UP, MEASURED = (
    5,
    2,
    4,
)  # steps between two looks at the clock; such windows before and while measuring
WORTH = 1.02  # a batch twice as large must be this much faster, or larger ones are not tried


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured; `base` is an architecture, `toy` its tiny twin; `overrides` change conf/experiment/."""

    base: str
    toy: bool
    side_px: int
    batch: int
    compiled: bool
    checkpointing: bool
    overrides: tuple[str, ...]


def main() -> None:
    """Measure every case in a process of its own, so that none inherits another's memory or compiled code."""
    args = arguments()
    if not args.toy and not torch.cuda.is_available():
        sys.stderr.write(
            "bench.train_gpu: torch sees no GPU; run it on a machine with one (check nvidia-smi and that torch is a\n"
            "CUDA build), or try it at toy size: python -m bench.train_gpu --toy --side-px 64 --batches 1,2\n"
        )
        raise SystemExit(2)
    rate, device = alone(matmul_rate)
    show({"bench": "train_gpu", "device": device, "torch": torch.__version__, "matmul_tflops": rate / 1e12})
    best: dict[str, dict[str, float]] = {}
    for compiled, checkpointing in itertools.product(args.compile, args.checkpointing):
        fastest = 0.0
        for batch in args.batches:
            case = Case(
                base=args.base,
                toy=args.toy,
                side_px=args.side_px,
                batch=batch,
                compiled=compiled,
                checkpointing=checkpointing,
                overrides=tuple(args.set),
            )
            found = alone(measure, case)
            if found is not None:
                found["utilisation"] = found["images_per_s"] * found["tflop_per_image"] * 1e12 / rate
            show(asdict(case) | (found or {"fits": False}))
            if found is None or found["images_per_s"] < fastest * WORTH:
                break
            fastest = found["images_per_s"]
            name = f"compile {'on' if compiled else 'off'}, checkpointing {'on' if checkpointing else 'off'}"
            best[name] = {"batch": batch, **found}
    show({"bench": "train_gpu", "best": best})


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.train_gpu")
    parser.add_argument("--base", choices=("sdxl", "flux2", "zimage"), default="sdxl")
    parser.add_argument("--toy", action="store_true", help="the base's tiny random twin")
    parser.add_argument("--side-px", type=int, default=1024)
    parser.add_argument("--batches", type=numbers, default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--compile", type=switches, default=[False, True], help="off, on, or off,on")
    parser.add_argument("--checkpointing", type=switches, default=[False, True], help="off, on, or off,on")
    parser.add_argument(
        "--set", nargs="+", default=[], help="changes to conf/experiment/: train.lora.rank=32"
    )
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    """`1,2` as [1, 2]."""
    return [int(word) for word in text.split(",")]


def switches(text: str) -> list[bool]:
    """`off,on` as [False, True]."""
    return [{"off": False, "on": True}[word] for word in text.split(",")]


def show(row: dict[str, Any]) -> None:
    """One line of JSON, with four digits of each number."""
    rounded = json.loads(json.dumps(row), parse_float=lambda text: float(f"{float(text):.4g}"))
    print(json.dumps(rounded), flush=True)


def alone(work: Callable[..., Any], *given: object) -> Any:
    """The answer of a function that runs in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def matmul_rate() -> tuple[float, str]:
    """FLOP/s of a square matrix product in the base's precision, and the device's name."""
    device = pick_device("auto")
    gpu = device.type == "cuda"
    side, dtype = (8192, torch.bfloat16) if gpu else (1024, torch.float32)
    one, other = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    seconds: list[float] = []
    for _ in range(20):
        started = now(device)
        for _ in range(5):
            one @ other
        seconds.append((now(device) - started) / 5)
    return 2 * side**3 / statistics.median(seconds), torch.cuda.get_device_name(device) if gpu else "cpu"


def measure(case: Case) -> dict[str, float] | None:
    """Figures of a case; None when the GPU's memory does not suffice."""
    cfg = train_config(case)
    marks: list[float] = []
    try:
        base = build(case, pick_device(cfg.system.device))
        gpu = base.device.type == "cuda"
        if gpu:  # building took more than training may
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        with tempfile.TemporaryDirectory() as place:
            run = RunFolder(Path(place), key="bench", kept=1)
            began = time.perf_counter()
            train(
                base,
                random_set(base, cfg),
                cfg,
                run,
                on_window=lambda _step, _values: marks.append(now(base.device)),
            )
    except ConfigError as error:
        if error.reason != "out-of-memory":
            raise
        return None
    windows = [later - earlier for earlier, later in itertools.pairwise(marks)][WARM_UP - 1 :]
    return {
        "images_per_s": case.batch * WINDOW / statistics.median(windows),
        "tflop_per_image": flops(case) / 1e12,
        "first_window_s": marks[0] - began,
        "peak_mb": torch.cuda.max_memory_allocated() / 1e6 if gpu else peak_of("self"),
        "predicted_mb": predicted(case, base, cfg) / 1e6,
    }


def train_config(case: Case) -> TrainConfig:
    """conf/experiment/ of the base with as many steps as are measured and nothing written on the way."""
    steps = WINDOW * (WARM_UP + MEASURED)
    cfg, _ = settings(
        f"+experiment={case.base}",
        f"train.schedule.steps={steps}",
        "train.schedule.warmup_steps=0",
        "train.schedule.gradient_accumulation=1",
        f"train.data.side_px={case.side_px}",
        f"train.data.batch_size={case.batch}",
        "train.selection.probe_draws=1",
        f"train.system.log_every_steps={WINDOW}",
        f"train.system.compile={case.compiled}",
        f"train.system.gradient_checkpointing='{'on' if case.checkpointing else 'off'}'",
        f"train.checkpoint.every_steps={steps}",
        "train.checkpoint.weights_every_steps=null",
        *case.overrides,
    )
    return cfg


def predicted(case: Case, base: Base, cfg: TrainConfig) -> float:
    """Bytes that the memory's prediction gives what torch allocates."""
    family = bases()[case.base]
    found = footprint(family, dict(base.network.config), cfg, dtype=base.dtype)
    return found.total(checkpointing=case.checkpointing) - RUNTIME_BYTES


def build(case: Case, device: torch.device) -> Base:
    """A network with random weights and what training asks of a pipeline; latents and embeddings are given here."""
    parts: Any = diffusers  # imports its classes when they are asked for
    logging.set_verbosity_error()
    family = bases()[case.base]
    scheduler, options = family.TINY_SCHEDULER
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    with device:
        torch.set_default_dtype(dtype)  # made in it: at once in float32 the largest would not fit
        kind = getattr(parts, family.NETWORK_CLASS)
        network = kind.from_config(dict(family.TINY_NETWORK if case.toy else family.PUBLISHED_NETWORK))
        torch.set_default_dtype(torch.float32)
    network = network.to(dtype).requires_grad_(False).eval()
    pipeline = SimpleNamespace(**{family.NETWORK: network}, scheduler=getattr(parts, scheduler)(**options))
    return family(name=case.base, digest="", pipeline=pipeline, device=device, dtype=dtype, quantized=None)


def random_set(base: Base, cfg: TrainConfig) -> TrainingSet:
    """As many images as a batch has, each with a caption, all noise; an epoch has all steps of the run."""
    side, count = cfg.data.side_px, cfg.data.batch_size
    samples = [
        TrainingExample(path=Path(), text="", sha256="", repeats=cfg.schedule.steps, width=side, height=side)
        for _ in range(count)
    ]

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=base.device)

    tensors = BucketTensors(
        latents=noise(count, base.latent_channels, side // 8, side // 8),
        texts=np.arange(count)[:, None],
        time_ids=torch.tensor([[side, side, 0, 0, side, side]] * count).to(base.device, base.dtype),
        weights=None,
    )
    shapes = base.prompt_shapes
    prompts = [{name: noise(*shape).to(base.dtype) for name, shape in shapes.items()} for _ in range(count)]
    order = Order(samples, cfg.data, cfg.seed)
    return TrainingSet(
        order=order,
        device=base.device,
        buckets={(side, side): tensors},
        prompts=prompts,
        collate=base.collate,
        computed=0,
        reused=0,
        cut=0,
    )


def flops(case: Case) -> float:
    """Floating-point operations of one image's step, counted on the device `meta`, which computes nothing."""
    cfg = train_config(replace(case, batch=1))
    base = build(case, torch.device("meta"))
    add_lora(base, cfg.lora, seed=cfg.seed)
    data = random_set(base, cfg)
    drawn = data.first()
    condition = drawn.condition | dict(
        data.collate(data.prompts)
    )  # lengths are read, so they stay on the host
    timesteps = torch.zeros(1, dtype=torch.long, device=base.device)
    with FlopCounterMode(display=False) as counter:
        base.predict(drawn.latents, timesteps, condition).sum().backward()
    return float(counter.get_total_flops())


if __name__ == "__main__":
    main()
