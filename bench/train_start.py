"""What a run costs before its first step and beside its steps, on the tiny base and the synthetic people's photographs.

    python -m bench.train_start      prints one line of JSON

Cold caching: latents and captions into the item store, over calling the VAE and the text encoders on the same pixels
and tokens and nothing else (`unread_ratio`: less decoding and scaling the photographs). Warm start: a fresh process
with everything cached, from its start to the end of its first step. Memory: the most such a process held after all
its steps, over one that runs the fixed-input floor of bench.train_step on the same base. All take turns.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from bench.settings import settings
from bench.train_step import BLOCK, floor_block, now, pictures
from likeness.diffusion.bases import Base
from likeness.diffusion.load import load_base
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import TrainingExample, fit_image, read_examples
from likeness.train.native.loop import train

CACHINGS, PROCESSES = 8, 3  # turns of each side
COUNT = 32  # about as many as the demo trains on
STEPS = 3 * BLOCK
# The demo's settings but for what a plain loop leaves out, with few steps and nothing written on the way.
SHORT = (f"train.schedule.steps={STEPS}", "train.schedule.warmup_steps=0", "train.system.log_every_steps=1",
         "train.checkpoint.weights_every_steps=null")  # fmt: skip


def main() -> None:
    """Measure in turns and print the medians."""
    cfg, base_cfg = settings(*SHORT)
    base = load_base(base_cfg, device=cfg.system.device)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        samples = kohya_folder(place / "set")
        sides = {
            "cold": lambda turn: encode_examples(samples, base, cfg, ItemStore(place / f"items-{turn}")),
            "floor": encoders(samples, base, cfg),
            "read": lambda _turn: [
                fit_image(one.path, (cfg.data.side_px, cfg.data.side_px)) for one in samples
            ],
            "cached": lambda turn: encode_examples(samples, base, cfg, ItemStore(place / f"items-{turn}")),
        }
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(CACHINGS):
            for side, work in sides.items():
                seconds[side].append(timed(work, turn, base))
        runs = [(child("ours", place), child("floor", place)) for _ in range(PROCESSES)]
    likeness_runs, floors = zip(*runs, strict=True)
    row = {
        "bench": "train_start",
        "device": str(base.device),
        "threads": torch.get_num_threads(),
        "images": len(samples),
        "side_px": cfg.data.side_px,
        "batch": cfg.data.batch_size,
        "rank": cfg.lora.rank,
        **{
            f"{side}_images_per_s": round(len(samples) / statistics.median(took), 1)
            for side, took in seconds.items()
        },
        "caching_ratio": ratio(seconds["cold"], seconds["floor"]),
        "unread_ratio": ratio(
            [a - b for a, b in zip(seconds["cold"], seconds["read"], strict=True)], seconds["floor"]
        ),
        **{key: round(statistics.median(one[key] for one in likeness_runs), 2) for key in likeness_runs[0]},
        "floor_peak_mb": statistics.median(one["peak_mb"] for one in floors),
        "peak_ratio": ratio([one["peak_mb"] for one in likeness_runs], [one["peak_mb"] for one in floors]),
    }
    sys.stdout.write(json.dumps(row) + "\n")


def kohya_folder(folder: Path, side_px: int | None = None) -> list[TrainingExample]:
    """The synthetic people's photographs as the stage dataset would materialize them out, of their own size or scaled."""
    images = folder / "train"
    images.mkdir(parents=True)
    samples = pictures(images, side_px, COUNT)
    lines = [
        {"file_name": s.path.name, "text": s.text, "sha256": s.sha256, "repeats": s.repeats} for s in samples
    ]
    (images / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return samples


def encoders(samples: Sequence[TrainingExample], base: Base, cfg: TrainConfig) -> Callable[[int], None]:
    """Returns what runs the frozen encoders on every image and caption, one by one as likeness does."""
    pipeline, side = base.pipeline, cfg.data.side_px
    images = [torch.from_numpy(fit_image(one.path, (side, side)).rgb.copy()) for one in samples]
    pixels = [(image.permute(2, 0, 1)[None] / 127.5 - 1).to(base.device) for image in images]
    tokens = [
        {key: ids[None].to(base.device) for key, ids in base.tokenize(one.text).items()} for one in samples
    ]

    @torch.no_grad()
    def run(_turn: int) -> None:
        for image, ids in zip(pixels, tokens, strict=True):
            pipeline.vae.encode(image).latent_dist.mode()
            pipeline.text_encoder(ids["ids"], output_hidden_states=True)
            pipeline.text_encoder_2(ids["ids_2"], output_hidden_states=True)

    return run


def timed(work: Callable[[int], object], turn: int, base: Base) -> float:
    """Seconds of one turn of some work."""
    started = now(base.device)
    work(turn)
    return now(base.device) - started


def child(side: str, place: Path) -> dict[str, float]:
    """What a fresh process that runs the function `side` says of itself."""
    command = [sys.executable, "-m", "bench.train_start", side, str(place), str(time.time())]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def ours(place: Path, began: float) -> dict[str, float]:
    """A run as the stage does it, with all items there; `began` is when its process was started (Unix time)."""
    cfg, base_cfg = settings(*SHORT)
    marks = [time.time()]  # all imports of this file are done
    base = load_base(base_cfg, device=cfg.system.device)
    marks.append(time.time())
    data = encode_examples(read_examples(place / "set"), base, cfg, ItemStore(place / "items-0"))
    marks.append(time.time())
    with tempfile.TemporaryDirectory(dir=place) as run:
        folder = RunFolder(Path(run), key="bench", kept=1)
        train(base, data, cfg, folder, on_window=lambda _step, _values: marks.append(time.time()))
    imported, loaded, cached, stepped = marks[:4]
    found = {"peak_mb": peak_mb()}
    # Libraries are also imported while the first base is loaded: a second one takes what loading itself takes.
    again = timed(lambda _turn: load_base(base_cfg, device=cfg.system.device), 0, base)
    return found | {
        "first_step_s": stepped - began,
        "from_load_s": stepped - imported,
        "load_s": again,
        "imports_s": imported - began + max(0.0, loaded - imported - again),
        "read_caches_s": cached - loaded,
    }


def floor(place: Path, _began: float) -> dict[str, float]:
    """As many steps of the fixed-input floor."""
    cfg, base_cfg = settings(*SHORT)
    base = load_base(base_cfg, device=cfg.system.device)
    data = encode_examples(read_examples(place / "set"), base, cfg, ItemStore(place / "items-0"))
    block = floor_block(base, data, cfg)
    for _ in range(STEPS // BLOCK):
        block()
    return {"peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory this process held so far, resident; not getrusage, which counts the starting process in."""
    return peak_of("self")


def peak_of(process: int | str) -> float:
    """The most memory in MB (10^6 bytes) a process of this machine has held so far, resident (Linux)."""
    status = Path(f"/proc/{process}/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(kib) * 1024 / 1e6)


def ratio(ours: Sequence[float], floors: Sequence[float]) -> float:
    """Median of the turns' ratios."""
    return round(statistics.median(a / b for a, b in zip(ours, floors, strict=True)), 3)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps({"ours": ours, "floor": floor}[sys.argv[1]](Path(sys.argv[2]), float(sys.argv[3]))))
    else:
        main()
