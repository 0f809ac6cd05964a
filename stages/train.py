"""Train the persona's LoRA on the dataset, prove that it loads, and only then give it its name.

Reads models/PERSONA/lora_training/ and the base model of conf/base/.
With train.selection.sample_every_steps also data/PERSONA/ingested/, whose held-out photographs the samples are compared with.
Writes models/PERSONA/PERSONA-v1.safetensors and models/PERSONA/training/{loss.csv,metrics.json,checkpoints/,samples/}.
"""

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial

from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.load import load_base
from likeness.lora.export import DTYPES, LoadCheck, kohya_tensors, publish
from likeness.lora.safetensors_io import weights_bytes
from likeness.paths import PersonaPaths
from likeness.run import Run, run
from likeness.store.items import sha256_file, write_atomic
from likeness.store.s3 import Remote
from likeness.train.config import TrainConfig
from likeness.train.native.cache import encode_samples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import Order, Sample, dataset_digest, read_samples, resolve_steps, split
from likeness.train.native.distributed import World, start_processes, was_started_together
from likeness.train.native.loop import Trained, run_key, train
from likeness.train.native.memory import predict
from likeness.train.native.metadata import Facts, describe
from likeness.train.native.schedule import learning_rate
from likeness.train.native.shared_checkpoints import SharedCheckpoints
from likeness.train.prior_images import draw_prior
from likeness.train.samples import build_sampler

FLOAT_DIGITS = 6  # significant digits of losses in loss.csv and metrics.json
# What the judges' numbers are called, and which one of a run metrics.json tells.
JUDGED: dict[str, Callable[[Iterable[float]], float]] = {"validation_loss": min, "identity": max}


def main(run: Run) -> None:
    """Train, in as many processes as `train.system.processes` says."""
    system = run.config.train.system
    if system.processes > 1 and not was_started_together():
        start_processes("stages.train", [run.persona.name], system.processes)
    world = World(system.processes, device=system.device)
    with world.together():
        train_lora(run, world)


def train_lora(run: Run, world: World) -> None:
    """Say what will be done, encode, train, check, publish, and write down how it went."""
    cfg, persona, places = run.config, run.persona, run.paths
    every = read_samples(places.lora_training, face_fraction=cfg.train.data.face_fraction)
    samples, held_out = split(every, cfg.train.selection.validation_share)
    sys.stderr.write(f"train: {predict(cfg.base, cfg.train).words()}\n")
    base = load_base(cfg.base, device=cfg.train.system.device, memo=run.repository.digests)
    items = run.items
    sampler = build_sampler(run, base)
    with world.main_first():
        prior = draw_prior(run, base, samples)
        learned = [*samples, *prior]
        settings = resolve_steps(learned, cfg.train)
        sys.stderr.write(plan(learned, held_out, settings))
        data = encode_samples(learned, base, settings, items)
        validated = encode_samples(held_out, base, settings, items) if held_out else None
    if data.cut:
        sys.stderr.write(
            f"train: {data.cut} captions exceed {base.token_limit} tokens; their ends are not read\n"
        )
    facts = Facts(
        output_name=places.weights.stem, title=places.weights.stem, trigger=persona.trigger,
        class_word=persona.class_word, consent_id=run.consent.id, license=cfg.train.license,
        author="likeness", family=type(base), base_name=base.name, base_digest=base.digest,
        base_quantized=base.quantized,
        prediction=base.prediction,
    )  # fmt: skip
    to_file = partial(weights_file, base, facts, settings, learned)
    digest = dataset_digest(learned)
    judged_by = [sampler.digest] if sampler else []
    key = run_key(base, settings, dataset_digest([*every, *prior]), *judged_by)
    shared = (
        SharedCheckpoints(Remote(str(cfg.items.remote), cfg.s3), key) if cfg.train.checkpoint.share else None
    )
    folder = RunFolder(run.repository.training / key, key=key, kept=cfg.train.checkpoint.kept, shared=shared)

    params = {
        "train": settings.model_dump(),
        "base": cfg.base.model_dump(),
        "dataset_sha256": digest,
        "run": key,
    }
    with run.tracker(params, enabled=world.main) as tracker, sharing(shared):
        show = partial(tracker.log_file, folder="samples")
        trained = train(
            base, data, settings, folder, world=world, held_out=validated,
            judges=[sampler.judge(folder, show)] if sampler else [],
            keep_weights=lambda step, lora: folder.save_weights(step, to_file(lora, step)),
            on_window=lambda step, values: tracker.log_metrics([(step, values)]),
        )  # fmt: skip
        if not world.main:
            return
        one = data.one()
        final = to_file(dict(trained.parameters), trained.step)
        check = publish(final, places.weights, base, one.condition, tuple(one.latents.shape[1:]))
        write_results(places, trained, check, samples, settings, folder)
        if sampler:
            write_atomic(
                places.samples_by_step,
                sampler.sheet(folder, len(trained.losses), settings.schedule.steps),
            )
            show(places.samples_by_step)
        if trained.steps_per_s is not None:
            tracker.log_metrics([(len(trained.losses), {"steps_per_s": trained.steps_per_s})])
        tracker.log_file(places.loss_csv)
        tracker.set_tags({"weights_sha256": sha256_file(places.weights)})
    chosen = "" if cfg.train.selection.keep_best is None else f", of step {trained.step}"
    sys.stderr.write(f"train: {places.weights}{chosen}, changes {check.layers} layers, loaded and checked\n")


@contextmanager
def sharing(shared: SharedCheckpoints | None) -> Generator[None]:
    """Checkpoints go to the team's store inside; what did not get there is told, and stops nothing."""
    if shared is None:
        yield
        return
    try:
        with shared.running():
            yield
    finally:
        if shared.unsent:
            why = shared.problem or "it took too long"
            sys.stderr.write(
                f"train: WARNING: items.remote lacks the newest {shared.unsent} file(s) of this run: {why}\n"
                "  they are here: this machine goes on from them, another one from what it finds there\n"
            )


def plan(samples: Sequence[Sample], held_out: Sequence[Sample], cfg: TrainConfig) -> str:
    """What is about to happen, in numbers a person can check before it costs time."""
    order = Order(samples, cfg.data, cfg.seed)
    shown = sum(sample.repeats for sample in samples)
    steps_per_epoch = order.batches_per_epoch / cfg.parts
    prior = sum(sample.prior for sample in samples)
    drawn = f", {prior} of them of the class, drawn by the base" if prior else ""
    kept = f", {len(held_out)} held out for validation" if held_out else ""
    buckets = ", ".join(f"{w}x{h}: {len(members)}" for (w, h), members in order.members.items())
    return (
        f"train: {len(samples)} images ({buckets}){drawn}{kept}, with repeats {shown} an epoch\n"
        f"train: {steps_per_epoch:g} steps an epoch of {cfg.data.batch_size} x {cfg.parts} images"
        f", {cfg.schedule.steps} steps in all ({cfg.schedule.steps / steps_per_epoch:.1f} epochs)\n"
    )


def weights_file(
    base: Base, facts: Facts, cfg: TrainConfig, samples: Sequence[Sample], lora: dict[str, Tensor], steps: int
) -> bytes:
    """The LoRA as Kohya-key safetensors bytes with its metadata."""
    tensors = kohya_tensors(base, lora, alpha=cfg.lora.file_alpha, dtype=DTYPES[cfg.checkpoint.weights_dtype])
    return weights_bytes(tensors, describe(tensors, facts, cfg, samples, steps=steps))


def write_results(
    places: PersonaPaths,
    trained: Trained,
    check: LoadCheck,
    samples: Sequence[Sample],
    cfg: TrainConfig,
    run_folder: RunFolder,
) -> None:
    """loss.csv, metrics.json and the intermediate weights; no times, so equal runs write equal files."""
    shutil.rmtree(places.training, ignore_errors=True)
    for folder in (places.checkpoints, places.training_samples):
        folder.mkdir(parents=True)
    for step, path in run_folder.weights().items():
        shutil.copyfile(path, places.checkpoint(step))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("step", "loss", "grad_norm", "lr", *JUDGED))
    for step, (loss, norm) in enumerate(zip(trained.losses, trained.grad_norms, strict=True)):
        numbers = (trained.measured.get(metric, {}).get(step + 1) for metric in JUDGED)
        judged = ("" if number is None else _short(number) for number in numbers)
        rate = learning_rate(cfg.schedule, cfg.optimizer.lr, step)
        writer.writerow((step + 1, _short(loss), _short(norm), _short(rate), *judged))
    write_atomic(places.loss_csv, table.getvalue().encode())
    window = max(1, len(trained.losses) // 10)
    metrics = {
        "steps": len(trained.losses),
        "images": len(samples),
        "loss_first_tenth": _short(sum(trained.losses[:window]) / window),
        "loss_last_tenth": _short(sum(trained.losses[-window:]) / window),
        "probe_loss_before": _short(trained.probe_before),
        "probe_loss_after": _short(trained.probe_after),
        **{
            metric: _short(best(numbers.values()))
            for metric, best in JUDGED.items()
            if (numbers := trained.measured.get(metric))
        },
        **({"chosen_step": trained.step} if any(trained.measured.values()) else {}),
        "lora_layers": check.layers,
        "lora_effect": _short(check.effect),
        "trainable_parameters": sum(parameter.numel() for parameter in trained.parameters.values()),
    }
    write_atomic(places.training_metrics, (json.dumps(metrics, indent=2) + "\n").encode())


def _short(value: float) -> float:
    return float(f"{value:.{FLOAT_DIGITS}g}")


if __name__ == "__main__":
    run("train", main)
