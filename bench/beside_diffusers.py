"""Training beside diffusers' public LoRA script for SDXL, at equal settings and in turns.

    python -m bench.beside_diffusers --script PATH [--python PYTHON]      prints one line of JSON

The script is examples/text_to_image/train_text_to_image_lora_sdxl.py of github.com/huggingface/diffusers at the tag of
the installed version or the last one before; it needs `datasets` and `torchvision`, which --python's environment may
have instead of ours. Equal: base, pictures (already of the size trained at), captions, batch, rank, alpha, the layers
that learn (the script's: attention), min-SNR, AdamW, a constant learning rate, precision, no gradient checkpointing.

The script runs the VAE and the text encoders in every step, we once before the first. So there are two ratios: of
whole steps, and on a CPU of steps less the encoders, whose time is measured within the script. As the script does, we
read the loss in every step here.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.settings import settings
from bench.train_start import kohya_folder, peak_of, ratio
from bench.train_step import ROOT, median_gap
from likeness.diffusion.load import TINY_FOLDER, load_base
from likeness.store.items import ItemStore
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import read_examples
from likeness.train.native.loop import train

SCRIPT = "examples/text_to_image/train_text_to_image_lora_sdxl.py"
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")  # what the script's LoRA changes
LR, MIN_SNR_GAMMA = 1e-4, 5.0
SHOWN = re.compile(rb"Steps:[^\r\n]*?(\d+)/\d+")  # the script's bar, and what `likeness` prints
WARM_UP = 5  # steps that do not count
OURS = (
    "import json, sys; from bench.beside_diffusers import train_ours; train_ours(**json.loads(sys.argv[1]))"
)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A run: median seconds of a step, seconds to the end of the first, most resident MB, and its own figures."""

    step_s: float
    first_step_s: float
    peak_mb: float
    said: dict[str, float]


def main() -> None:
    """Run both in turns and print medians."""
    args = arguments()
    if not args.script.is_file():
        sys.stderr.write(
            f"bench.beside_diffusers: there is no {args.script}; take {SCRIPT} from\n"
            "github.com/huggingface/diffusers at the tag of the installed version and name it: --script PATH\n"
        )
        raise SystemExit(2)
    same = {
        "base": str(args.base),
        "side_px": args.side_px,
        "batch": args.batch,
        "rank": args.rank,
        "steps": args.steps,
    }
    ours: list[Turn] = []
    theirs: list[Turn] = []
    with tempfile.TemporaryDirectory() as name:
        kohya_folder(Path(name) / "set", args.side_px)
        for turn in range(args.rounds):
            place = Path(name) / str(turn)
            settings = json.dumps(same | {"dataset": f"{name}/set", "place": str(place)})
            ours.append(watch([sys.executable, "-c", OURS, settings], args.steps))
            theirs.append(watch(script_command(args, Path(name) / "set", place), args.steps))
    row = {
        "bench": "beside_diffusers",
        "gpu": torch.cuda.is_available(),
        **same,
        "ours": medians(ours),
        "theirs": medians(theirs),
        "speed_ratio": ratio([one.step_s for one in theirs], [one.step_s for one in ours]),
        "memory_ratio": ratio([one.peak_mb for one in ours], [one.peak_mb for one in theirs]),
    }
    if "encoders_ms" in theirs[0].said:
        bare = [one.step_s - one.said["encoders_ms"] / 1e3 for one in theirs]
        row["speed_ratio_without_encoders"] = ratio(bare, [one.step_s for one in ours])
    sys.stdout.write(json.dumps(row) + "\n")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.beside_diffusers")
    parser.add_argument("--script", type=Path, default=Path("train_text_to_image_lora_sdxl.py"))
    parser.add_argument("--python", default=sys.executable, help="interpreter of the script")
    parser.add_argument("--base", type=Path, default=TINY_FOLDER, help="SDXL in diffusers layout")
    parser.add_argument("--side-px", type=int, default=128)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def train_ours(
    *, base: str, dataset: str, place: str, side_px: int, batch: int, rank: int, steps: int
) -> None:
    """Our run, with an empty item store."""
    cfg, base_cfg = settings(
        f"base.source={base}",
        f"train.schedule.steps={steps}",
        f"train.data.side_px={side_px}",
        "train.data.face_fraction=null",
        f"train.data.batch_size={batch}",
        f"train.lora.rank={rank}",
        f"train.lora.alpha={rank}",
        f"train.lora.targets=[{','.join(TARGETS)}]",
        f"train.optimizer.lr={LR}",
        "train.schedule.lr_schedule=constant",
        "train.schedule.warmup_steps=0",
        "train.objective.weighting=min_snr",
        f"train.objective.min_snr_gamma={MIN_SNR_GAMMA}",
        "train.selection.probe_draws=1",
        "train.system.log_every_steps=1",
        f"train.checkpoint.every_steps={steps}",
        "train.checkpoint.weights_every_steps=null",
    )
    model = load_base(base_cfg, device=cfg.system.device)
    data = encode_examples(read_examples(Path(dataset)), model, cfg, ItemStore(Path(place) / "items"))
    run = RunFolder(Path(place) / "run", key="bench", kept=1)
    train(model, data, cfg, run, on_window=lambda step, _values: print(f"Steps: {step}/{steps}", flush=True))
    print("\n" + json.dumps({"gpu_mb": round(torch.cuda.max_memory_allocated() / 1e6)}))


def script_command(args: argparse.Namespace, dataset: Path, place: Path) -> list[str]:
    """The script's run at our settings; on a GPU in bf16, as likeness keeps its base."""
    precision = "bf16" if torch.cuda.is_available() else "no"
    options = {
        "pretrained_model_name_or_path": args.base,
        "train_data_dir": dataset,
        "cache_dir": place / "datasets",
        "output_dir": place / "script",
        "resolution": args.side_px,
        "train_batch_size": args.batch,
        "rank": args.rank,
        "max_train_steps": args.steps,
        "checkpointing_steps": args.steps + 1,
        "learning_rate": LR,
        "lr_warmup_steps": 0,
        "snr_gamma": MIN_SNR_GAMMA,
        "mixed_precision": precision,
        "seed": 42,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    return [args.python, str(ROOT / "bench/timed_script.py"), str(args.script), "--center_crop", *given]


def watch(command: list[str], steps: int) -> Turn:
    """Run it, noting when each step is first shown."""
    seen: dict[int, float] = {}
    peak, text, began = 0.0, b"", time.perf_counter()
    # Hub and data sets are folders here: nothing may ask a network.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    if not torch.cuda.is_available():
        environment["OMP_NUM_THREADS"] = "1"  # as conf/base/tiny.yaml has it
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    ) as process:
        assert process.stdout is not None
        while chunk := os.read(process.stdout.fileno(), 65536):
            arrived, start = time.perf_counter(), max(0, len(text) - 200)
            text += chunk
            for match in SHOWN.finditer(text, start):
                step = int(match[1])
                if step and step not in seen:
                    seen[step] = arrived
            if steps in seen and not peak:
                peak = peak_of(process.pid)
    if process.returncode or len(seen) < steps:
        raise SystemExit(
            f"bench.beside_diffusers: {command} failed:\n{text[-3000:].decode(errors='replace')}"
        )
    said = next(line for line in reversed(text.splitlines()) if line.startswith(b'{"'))
    gap = median_gap([when for step, when in sorted(seen.items()) if step >= WARM_UP])
    return Turn(step_s=gap, first_step_s=seen[1] - began, peak_mb=peak, said=json.loads(said))


def medians(turns: list[Turn]) -> dict[str, float]:
    """Of each figure, and steps a second."""
    middle = statistics.median
    return {
        "steps_per_s": round(1 / middle(one.step_s for one in turns), 2),
        "first_step_s": round(middle(one.first_step_s for one in turns), 1),
        "peak_mb": middle(one.peak_mb for one in turns),
        **{key: middle(one.said[key] for one in turns) for key in turns[0].said},
    }


if __name__ == "__main__":
    main()
