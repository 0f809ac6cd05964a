"""The training loop: explicit, resumable bit for bit, and without waiting for the device inside a step.

Seeded before PEFT draws its first weights; order, noise and timesteps come from (seed, step), so the state of
a run is its LoRA, its optimizer and the number of steps. Losses stay on the device, read once per window.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_

from likeness.diffusion.bases import Base
from likeness.diffusion.determinism import deterministic
from likeness.errors import TransientError
from likeness.lora.adapter import add_lora, lora_tensors, set_dropout
from likeness.progress import Progress
from likeness.store.keys import item_key
from likeness.train.config import TrainConfig
from likeness.train.earlier_names import run_settings
from likeness.train.native.batches import TrainingSet
from likeness.train.native.checkpoint import Checkpoint, RunFolder, newest_for_all
from likeness.train.native.compute import training_mode, uncompiled
from likeness.train.native.distributed import Ranks
from likeness.train.native.interrupt import StopRequest
from likeness.train.native.optimizer import (
    Average,
    build_optimizer,
    finish,
    finished,
    optimizer_tensors,
    restore_optimizer,
)
from likeness.train.native.schedule import learning_rate
from likeness.train.native.selection import BestWeights, Evaluator, validation
from likeness.train.native.start import Start
from likeness.train.native.throughput import Throughput
from likeness.train.native.training_loss import Objective
from likeness.train.native.watch import OnWindow, Watch

LOOP_VERSION = 2
NEW_WEIGHTS = "new weights (train.start_from would begin with a LoRA file)"


@dataclass(frozen=True, kw_only=True)
class LoopResult:
    """A finished run: whose weights these are (`step`), losses and gradient norms by step, what the evaluators
    `measured` by metric and step, and the probe's loss before and after."""

    parameters: Mapping[str, Parameter]
    step: int
    losses: list[float]
    grad_norms: list[float]
    measured: Mapping[str, Mapping[int, float]]
    probe_before: float
    probe_after: float
    resumed_from: int
    steps_per_s: float | None


def run_key(base: Base, cfg: TrainConfig, *digests: str) -> str:
    """The name of a run: a digest of all that decides its result on this machine, data and evaluators by their `digests`.

    The number of CPU threads is part of it: it decides in which order floats are summed.
    """
    machine = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    return item_key("lora.train", LOOP_VERSION, {**run_settings(cfg), **base.identity, **machine}, digests)


def train(
    base: Base,
    data: TrainingSet,
    cfg: TrainConfig,
    run: RunFolder,
    *,
    ranks: Ranks | None = None,
    start: Start | None = None,
    held_out: TrainingSet | None = None,
    evaluators: Sequence[Evaluator] = (),
    keep_weights: Callable[[int, dict[str, Tensor]], None] = lambda step, tensors: None,
    on_window: OnWindow = lambda step, values: None,
) -> LoopResult:
    """Train a LoRA into the base, going on from the run's newest checkpoint.

    It begins with fresh weights, or those of `start`. `held_out` is what the validation loss is measured on, `evaluators`
    measure beside it. `keep_weights(step, tensors)` gets the intermediate LoRA, `on_window(step, values)` what was
    measured; of several processes in a `ranks`, the first one's.

    Raises:
        ConfigError: a target fits no layer, training diverged, or as many processes were not started.
        TransientError: stopped by a signal, after a checkpoint.
    """
    ranks = ranks or Ranks(cfg.system.processes, device=cfg.system.device)
    with deterministic(base.device), ExitStack() as steps:
        parameters = add_lora(base, cfg.lora, seed=cfg.seed, text_encoders=cfg.optimizer.text_encoders)
        if start is not None:
            start.fill(base, parameters)
        steps.enter_context(training_mode(base, cfg, list(data.buckets)))
        optimizer: Any = build_optimizer(parameters, cfg.optimizer)
        average = Average(parameters, cfg.optimizer.ema) if cfg.optimizer.ema else None
        objective, weight = Objective(base, data, cfg), cfg.objective.preservation_weight
        if held_out:
            by_loss = validation(Objective(base, held_out, cfg), cfg.selection.validate_every_steps)
            evaluators = [by_loss, *evaluators]
        best = BestWeights(evaluators, cfg.selection, cfg.schedule.steps, ranks)
        losses, norms, preservation = (torch.zeros(cfg.schedule.steps, device=base.device) for _ in range(3))
        checkpoint = newest_for_all(run, ranks)
        begun = checkpoint.step if checkpoint else 0
        if checkpoint is None and ranks.main:
            sys.stderr.write(f"train: starts at step 0 with {start.words(base) if start else NEW_WEIGHTS}\n")
        if checkpoint is not None:
            _restore(checkpoint, parameters, optimizer, average, losses, norms)
            best.restore(checkpoint.tensors)
        before = checkpoint.tensors["probe_before"].item() if checkpoint else objective.probe()

        meter = Throughput(
            base.device,
            images_per_step=cfg.data.batch_size * cfg.parts,
            usd_per_hour=cfg.system.usd_per_hour,
            seconds=checkpoint.tensors["seconds"].item() if checkpoint else 0.0,
        )
        watch = Watch(cfg, losses, norms, preservation, meter, run, start=begun, on_window=on_window)
        began, done = time.monotonic(), begun
        with Progress("train", total=cfg.schedule.steps) as progress, StopRequest() as stop:
            if begun:
                progress.advance(f"step {begun}", "resumed", steps=begun)

            def evaluate() -> None:
                if best.due(done) and not ranks.any(stop.requested):
                    with meter.aside(), uncompiled(cfg.system), finished(parameters, optimizer, average):
                        set_dropout(base, None)
                        if taken := best.evaluate(done, parameters, lambda: stop.requested):
                            on_window(done, taken)

            evaluate()  # what a stop left undone
            if best.due(begun) and ranks.any(stop.requested):
                raise _stopped(begun, cfg.schedule.steps)
            for step in range(begun, cfg.schedule.steps):
                if best.exhausted:
                    break
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(cfg.schedule, cfg.optimizer.lr, step) * group["lr_ratio"]
                for part in ranks.share(cfg.parts):
                    loss, preserved = objective.training_loss(step, part)
                    total = loss if preserved is None else loss + weight * preserved
                    (total / cfg.parts).backward()  # pyright: ignore[reportUnknownMemberType]
                    losses[step] += loss.detach() / cfg.parts
                    if preserved is not None:
                        preservation[step] += preserved.detach() / cfg.parts
                sums = torch.stack([losses[step], preservation[step]])
                losses[step], preservation[step] = ranks.total(parameters.values(), sums)
                norms[step] = clip_grad_norm_(parameters.values(), cfg.optimizer.grad_clip_norm)
                optimizer.step()
                optimizer.zero_grad()

                done = step + 1
                if average is not None:
                    average.update(done)
                evaluate()
                last, pending = done == cfg.schedule.steps or best.exhausted, bool(best.due(done))
                window = done % cfg.system.log_every_steps == 0
                # Read once: a signal may come at any line. Several processes agree where they wait anyway. Who has not
                # looked yet was kept from it by a stop: then the last step is not the end.
                agreed = window or pending or ranks.size == 1
                stopping = (pending or not last) and agreed and ranks.any(stop.requested)
                due = stopping or last or done % cfg.checkpoint.every_steps == 0
                if due or window:
                    progress.advance(watch.read(done), "trained", steps=watch.new_steps)
                often = cfg.checkpoint.weights_every_steps
                if ranks.main and often and done % often == 0 and done < cfg.schedule.steps:
                    with finished(parameters, optimizer, average):
                        keep_weights(done, lora_tensors(parameters))
                if due and ranks.main:
                    state = _state(parameters, optimizer, average, losses[:done], norms[:done], before)
                    clock = {"seconds": torch.tensor(meter.seconds, dtype=torch.float64)}
                    run.save(done, state | best.tensors() | clock)
                if stopping:
                    raise _stopped(done, cfg.schedule.steps)
        seconds = time.monotonic() - began
        finish(parameters, optimizer, average)
        best.load_best(parameters)
        return LoopResult(
            parameters=parameters,
            step=best.best_step or done,
            losses=_floats(losses[:done]),
            grad_norms=_floats(norms[:done]),
            measured=best.numbers,
            probe_before=before,
            probe_after=objective.probe(),
            resumed_from=begun,
            steps_per_s=(done - begun) / seconds if begun < done else None,
        )


def _stopped(done: int, steps: int) -> TransientError:
    return TransientError(
        f"training was stopped at step {done} of {steps}; its state is saved",
        reason="stopped",
        remedy="run `dvc repro` again: it goes on from there",
    )


def _floats(values: Tensor) -> list[float]:
    return cast("list[float]", values.tolist())  # pyright: ignore[reportUnknownMemberType]


def _state(
    parameters: Mapping[str, Parameter],
    optimizer: Any,
    average: Average | None,
    losses: Tensor,
    norms: Tensor,
    before: float,
) -> dict[str, Tensor]:
    tensors = {f"lora.{name}": tensor for name, tensor in lora_tensors(parameters).items()}
    if average is not None:
        tensors |= {f"ema.{name}": tensor for name, tensor in lora_tensors(average.tensors).items()}
    history = {"losses": losses.cpu(), "grad_norms": norms.cpu()}
    probe = {"probe_before": torch.tensor(before, dtype=torch.float64)}
    return tensors | optimizer_tensors(optimizer) | history | probe


def _restore(
    checkpoint: Checkpoint,
    parameters: Mapping[str, Parameter],
    optimizer: Any,
    average: Average | None,
    losses: Tensor,
    norms: Tensor,
) -> None:
    restore_optimizer(optimizer, checkpoint.tensors)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(checkpoint.tensors[f"lora.{name}"])
        for name, tensor in average.tensors.items() if average is not None else ():
            tensor.copy_(checkpoint.tensors[f"ema.{name}"])
        losses[: checkpoint.step] = checkpoint.tensors["losses"].to(losses.device)
        norms[: checkpoint.step] = checkpoint.tensors["grad_norms"].to(norms.device)
