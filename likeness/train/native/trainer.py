"""The trainer of likeness: one run from the dataset to a file that is proved to load."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from likeness.config import Config
from likeness.diffusion.load import device_name, load_base, pick_device
from likeness.disk import write_atomic
from likeness.lora.export import publish
from likeness.run import Run
from likeness.store.s3 import Remote
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import dataset_digest, read_examples
from likeness.train.native.distributed import Ranks, beside
from likeness.train.native.job import prepare
from likeness.train.native.memory import predict
from likeness.train.native.metadata import facts_of
from likeness.train.native.optimizer import state_bytes
from likeness.train.native.schedule import learning_rates
from likeness.train.native.shared_checkpoints import SharedCheckpoints
from likeness.train.native.start import read_start
from likeness.train.pace import Pace, remember
from likeness.train.results import log_results, write_results
from likeness.train.samples import build_sampler, draw_prior
from likeness.train.starting import starting_file
from likeness.train.trainer import TrainingResult


class NativeTrainer:
    """See Trainer. Resumes bit for bit; one process a GPU."""

    def train(self, run: Run) -> TrainingResult | None:
        """See Trainer; in as many processes as `processes_for` says."""
        processes, device = processes_for(run.config), run.config.train.system.device
        with beside([sys.executable, "-m", "stages.train", run.persona.name], processes):
            ranks = Ranks(processes, device=device)
            with ranks.together():
                return _train(run, ranks)


def processes_for(cfg: Config) -> int:
    """As many as `train.system.processes` says. Where that is one, and a CPU trains by `base.cpu_threads`, a step's
    `gradient_accumulation` parts are shared out among its cores: the weights are the same, bit for bit."""
    system, threads, parts = cfg.train.system, cfg.base.cpu_threads, cfg.train.schedule.gradient_accumulation
    if system.processes > 1 or threads is None or pick_device(system.device).type != "cpu":
        return system.processes
    cores = (os.cpu_count() or 1) // threads
    return max(number for number in range(1, parts + 1) if parts % number == 0 and number <= max(1, cores))


def _train(run: Run, ranks: Ranks) -> TrainingResult | None:
    """Say what will be done, encode, train, check, publish, and write down how it went."""
    cfg, places = run.config, run.paths
    every = read_examples(places.lora_training, face_fraction=cfg.train.data.face_fraction)
    device = pick_device(cfg.train.system.device)
    # An optimizer that cannot step is refused before anything is loaded.
    state_bytes(cfg.train.optimizer, device)
    if device.type == "cuda":
        sys.stderr.write(f"train: {predict(cfg.base, cfg.train).words()}\n")
    base = load_base(cfg.base, device=cfg.train.system.device, memo=run.repository.digests)
    trigger = run.persona.trigger
    tokens = base.token_count(trigger) - base.token_count("")
    sys.stderr.write(f"train: the trigger {trigger!r} is {tokens} of a prompt's {base.token_limit} tokens\n")
    sampler = build_sampler(run, base)
    file = starting_file(cfg, run.repository)
    start = read_start(file, run.consent.id) if file else None
    with ranks.main_first():
        job = prepare(
            base,
            every,
            cfg.train,
            run.items,
            facts_of(run, base),
            draw_prior=partial(draw_prior, run, base),
            start=start,
            digests=[sampler.digest] if sampler else [],
        )
    checkpoint = cfg.train.checkpoint
    shared = SharedCheckpoints(Remote(str(cfg.items.remote), cfg.s3), job.key) if checkpoint.share else None
    folder = RunFolder(
        run.repository.training / job.key,
        key=job.key,
        kept=checkpoint.kept,
        shared=shared,
        persona=run.persona.name,
        permit=partial(run.require, *run.uses, midway=True),
    )
    params = {
        "train": job.cfg.model_dump(),
        "base": cfg.base.model_dump(),
        "dataset_sha256": dataset_digest(job.examples),
        "run": job.key,
    }
    with run.tracker(params, enabled=ranks.main) as tracker, sharing(shared):
        show = partial(tracker.log_file, folder="samples")
        trained = job.train(
            folder,
            ranks=ranks,
            evaluators=[sampler.evaluator(folder, show)] if sampler else [],
            on_window=lambda step, values: tracker.log_metrics([(step, values)]),
        )
        if not ranks.main:
            return None
        first, final = job.data.first(), job.file(dict(trained.parameters), trained.step)
        run.require(*run.uses)  # weights get no name once the consent has ended
        check = publish(final, places.weights, base, first.condition, tuple(first.latents.shape[1:]))
        result = TrainingResult(
            step=trained.step,
            images=len(job.split.trained),
            validation=job.split.photographs,
            losses=trained.losses,
            grad_norms=trained.grad_norms,
            rates=learning_rates(job.cfg, len(trained.losses)),
            measured=trained.measured,
            checkpoints=folder.weights(),
            probe={"probe_loss_before": trained.probe_before, "probe_loss_after": trained.probe_after},
            check=check,
            trainable_parameters=sum(parameter.numel() for parameter in trained.parameters.values()),
        )
        write_results(places, result)
        if sampler:
            sheet = sampler.sheet(folder, len(trained.losses), job.cfg.schedule.steps)
            write_atomic(places.samples_by_step, sheet)
            show(places.samples_by_step)
        if trained.steps_per_s is not None:
            pace = Pace(
                seconds_a_step=1 / trained.steps_per_s,
                steps=len(trained.losses) - trained.resumed_from,
                device=device_name(base.device),
            )
            remember(cfg, run.repository, pace, base.device.type)
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
