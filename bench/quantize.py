"""What a base in fewer bits costs: `python -m bench.quantize [STEPS]`, one line of JSON a kind.

The tiny base whole and quantised, and a LoRA of STEPS steps trained on each, with the settings of conf/train/default.yaml:
bytes of the network; how far its predictions lie from the whole one's; the time of a bare step over the whole one's,
taken in turns; and, put on the whole base, how much of the loss the LoRA takes away and how far it is from the one
trained there. Beside them, trained on the whole base, a LoRA of another seed.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from bench.settings import settings
from bench.train_step import floor_block, pictures
from likeness.diffusion.bases import Base
from likeness.diffusion.load import load_base
from likeness.diffusion.quantize import NF4Linear
from likeness.lora.adapter import lora_tensors, remove_lora
from likeness.lora.export import DTYPES, kohya_tensors
from likeness.lora.safetensors_io import weights_bytes
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.train.native.batches import TrainingSet
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.loop import train
from likeness.train.native.training_loss import Objective

KINDS = (None, "fp8", "int8", "nf4")
TURNS = 12
POSITIONS = (0.1, 0.3, 0.5, 0.7, 0.9)  # of noise, where predictions are compared


def main(steps: int) -> None:
    """Measure and print."""
    cfg, _ = settings(
        f"train.schedule.steps={steps}",
        "train.checkpoint.weights_every_steps=null",
        f"train.checkpoint.every_steps={steps}",
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        whole = loaded(None)
        data = encode_examples(pictures(place), whole, cfg, ItemStore(place / "items"))
        ratios = step_ratios(data, cfg)
        reference, before = predictions(whole, data, cfg), Objective(whole, data, cfg).probe()
        there: list[Tensor] = []
        for kind, seed in [(kind, cfg.seed) for kind in KINDS] + [(None, cfg.seed + 1)]:
            base = loaded(kind)
            row = {
                "bench": "quantize",
                "base": kind or "whole",
                "seed": seed,
                "steps": steps,
                "network_mb": round(network_bytes(base) / 1e6, 2),
                "step_ratio": round(ratios[kind], 3),
                "prediction_error": distance(predictions(base, data, cfg), reference, reference),
            }
            put_on(whole, learned(base, data, cfg.model_copy(update={"seed": seed}), place), place)
            after, drawn = Objective(whole, data, cfg).probe(), predictions(whole, data, cfg)
            remove_lora(whole)
            there = there or drawn
            change = [a - b for a, b in zip(there, reference, strict=True)]
            row |= {
                "loss_before": round(before, 5),
                "loss_after_on_whole": round(after, 5),
                "lora_difference": distance(drawn, there, change),
            }
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()


def loaded(kind: str | None) -> Base:
    """The tiny base."""
    return load_base(settings(f"base.quantize={kind or 'null'}")[1])


def network_bytes(base: Base) -> int:
    """Of the network's weights, with all that belongs to them."""
    tensors = [*base.network.parameters(), *base.network.buffers()]
    for layer in base.network.modules():
        if isinstance(layer, NF4Linear):
            inner = layer.state.state2
            tensors += [layer.state.absmax, layer.state.offset, inner.absmax]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def step_ratios(data: TrainingSet, cfg: TrainConfig) -> dict[str | None, float]:
    """The median, over turns, of the time of BLOCK steps over that of the whole base's in the same turn."""
    blocks = {kind: floor_block(loaded(kind), data, cfg) for kind in KINDS}
    turns = [{kind: block() for kind, block in blocks.items()} for _ in range(TURNS)][2:]
    return {kind: statistics.median(turn[kind] / turn[None] for turn in turns) for kind in KINDS}


@torch.no_grad()
def predictions(base: Base, data: TrainingSet, cfg: TrainConfig) -> list[Tensor]:
    """What the network answers to the first picture with fixed noise, at each of the positions."""
    one, process = data.first(), base.process(cfg.objective)
    noise = torch.randn(one.latents.shape, generator=torch.Generator().manual_seed(1)).to(base.device)
    found: list[Tensor] = []
    for position in POSITIONS:
        timesteps = process.at(torch.tensor([position], device=base.device))
        noisy = process.noisy(one.latents, noise, timesteps)
        found.append(base.predict(noisy, timesteps, base.encode_condition(one.condition)))
    return found


def distance(those: list[Tensor], these: list[Tensor], scale: list[Tensor]) -> float:
    """The root mean square of the difference as a share of that of `scale`, the mean over positions."""
    shares = [((a - b).norm() / s.norm()).item() for a, b, s in zip(those, these, scale, strict=True)]
    return float(f"{statistics.mean(shares):.3g}")


def learned(base: Base, data: TrainingSet, cfg: TrainConfig, place: Path) -> bytes:
    """A LoRA trained on the base, as a file."""
    run = RunFolder(place / f"{base.quantized}-{cfg.seed}", key="bench", kept=1)
    lora = lora_tensors(train(base, data, cfg, run).parameters)
    return weights_bytes(kohya_tensors(base, lora, alpha=cfg.lora.file_alpha, dtype=DTYPES["float32"]), {})


def put_on(base: Base, data: bytes, place: Path) -> None:
    """Load a LoRA file into the base."""
    (place / "lora.safetensors").write_bytes(data)
    base.pipeline.load_lora_weights(str(place), weight_name="lora.safetensors")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
