"""The trainer of likeness: one run from the dataset to a file that is proved to load."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial

from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.load import load_base, pick_device
from likeness.lora.export import DTYPES, kohya_tensors, publish
from likeness.lora.safetensors_io import weights_bytes
from likeness.run import Run
from likeness.store.items import write_atomic
from likeness.store.s3 import Remote
from likeness.train.config import TrainConfig
from likeness.train.native.cache import encode_samples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import Order, Sample, dataset_digest, read_samples, resolve_steps, split
from likeness.train.native.distributed import World, start_processes, was_started_together
from likeness.train.native.loop import run_key, train
from likeness.train.native.memory import predict
from likeness.train.native.metadata import Facts, describe
from likeness.train.native.optimizer import state_bytes
from likeness.train.native.schedule import learning_rate
from likeness.train.native.shared_checkpoints import SharedCheckpoints
from likeness.train.prior_images import draw_prior
from likeness.train.results import log_results, write_results
from likeness.train.samples import build_sampler
from likeness.train.trainer import TrainingResult


class NativeTrainer:
    """See Trainer. Resumes bit for bit; one process a GPU."""

    def train(self, run: Run) -> TrainingResult | None:
        """See Trainer; in as many processes as `train.system.processes` says."""
        system = run.config.train.system
        if system.processes > 1 and not was_started_together():
            start_processes("stages.train", [run.persona.name], system.processes)
        world = World(system.processes, device=system.device)
        with world.together():
            return _train(run, world)


def _train(run: Run, world: World) -> TrainingResult | None:
    """Say what will be done, encode, train, check, publish, and write down how it went."""
    cfg, persona, places = run.config, run.persona, run.paths
    every = read_samples(places.lora_training, face_fraction=cfg.train.data.face_fraction)
    samples, held_out = split(every, cfg.train.selection.validation_share)
    device = pick_device(cfg.train.system.device)
    state_bytes(
        cfg.train.optimizer, device
    )  # an optimizer that cannot step is refused before anything is loaded
    if device.type == "cuda":
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
            return None
        one = data.one()
        final = to_file(dict(trained.parameters), trained.step)
        result = TrainingResult(
            step=trained.step, images=len(samples), losses=trained.losses, grad_norms=trained.grad_norms,
            rates=[learning_rate(settings.schedule, settings.optimizer.lr, step) for step in range(len(trained.losses))],
            measured=trained.measured, checkpoints=folder.weights(),
            probe={"probe_loss_before": trained.probe_before, "probe_loss_after": trained.probe_after},
            check=publish(final, places.weights, base, one.condition, tuple(one.latents.shape[1:])),
            trainable_parameters=sum(parameter.numel() for parameter in trained.parameters.values()),
        )  # fmt: skip
        write_results(places, result)
        if sampler:
            sheet = sampler.sheet(folder, len(trained.losses), settings.schedule.steps)
            write_atomic(places.samples_by_step, sheet)
            show(places.samples_by_step)
        if trained.steps_per_s is not None:
            tracker.log_metrics([(len(trained.losses), {"steps_per_s": trained.steps_per_s})])
        log_results(tracker, places)
        return result


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
