# pyright: basic
# (diffusers pipelines are not typed)
"""Runs sd-scripts on our dataset with our settings, reads its progress, and checks and describes its file as ours.

A run that is stopped begins anew: sd-scripts' own resume does not repeat the unbroken run.
"""

import math
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO

import torch
from safetensors.torch import load_file

from likeness.diffusion.bases import Base
from likeness.diffusion.load import device_name, load_base
from likeness.disk import write_atomic
from likeness.errors import ConfigError, ProviderError, TransientError
from likeness.lora.export import publish
from likeness.lora.safetensors_io import weights_bytes
from likeness.progress import Progress
from likeness.run import Run
from likeness.train.config import TrainConfig
from likeness.train.kohya.options import SCRIPTS, command_line, dataset_toml, options, unmapped
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import TrainingExample, read_examples, resolve_steps
from likeness.train.native.interrupt import StopRequest
from likeness.train.native.job import plan
from likeness.train.native.metadata import describe, facts_of
from likeness.train.native.schedule import learning_rates
from likeness.train.pace import Pace, remember
from likeness.train.results import log_results, write_results
from likeness.train.trainer import TrainingResult

# tqdm's line: `steps:  12%|#2  | 120/1000 [00:10<01:20, 11.0it/s, avr_loss=0.0931]`. A step is told twice, first with
# the loss before it.
PROGRESS = re.compile(r"steps:.*\|\s*(\d+)/\d+\s.*avr_loss=([-+.\w]+)")
SECRET = re.compile(r"KEY|SECRET|PASSWORD")  # in names of variables that the script has no use for
KEPT_LINES = 30  # of the script's output, for an error message
QUIET_S = 0.5  # how soon a signal is seen while the script says nothing
MODEL = "model"


class KohyaTrainer:
    """See Trainer."""

    def train(self, run: Run) -> TrainingResult:
        """See Trainer.

        Raises:
            ProviderError: the script ended with an error; its last lines are in the message.
        """
        cfg, places = run.config, run.paths
        if problems := unmapped(cfg.train, cfg.base):
            raise ConfigError(
                "train.trainer kohya: sd-scripts has no option for some settings. It takes\n  "
                + "\n  ".join(problems),
                reason="not-mapped",
                remedy="change these (conf/experiment/kohya.yaml has what maps), or train.trainer: native",
            )
        script = _script(cfg.train, cfg.base.architecture)
        examples = read_examples(places.lora_training, face_fraction=None)
        settings = resolve_steps(examples, cfg.train)
        sys.stderr.write(plan(examples, settings))
        # On the CPU: the script needs the GPU, and the file's check needs no more.
        base = load_base(cfg.base, device="cpu", memo=run.repository.digests)
        work = run.repository.training / f"kohya-{run.persona.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        command = [str(settings.kohya.python or sys.executable), *_launcher(settings), str(script)]
        command += _arguments(run, base, settings, examples, work)
        params = {"train": settings.model_dump(), "base": cfg.base.model_dump()}
        with run.tracker(params) as tracker:
            began = time.monotonic()
            losses = _run_script(command, script.parent, settings, partial(run.require, *run.uses))
            on_gpu = torch.cuda.is_available() and settings.system.device != "cpu"
            device = torch.device("cuda" if on_gpu else "cpu")
            pace = Pace(
                seconds_a_step=(time.monotonic() - began) / settings.schedule.steps,
                steps=settings.schedule.steps,
                device=device_name(device),
            )
            remember(cfg, run.repository, pace, device.type)
            tracker.log_metrics([(step, {"loss": loss}) for step, loss in enumerate(losses, start=1)])
            result = _result(run, base, settings, examples, work, losses)
            write_results(places, result)
            log_results(tracker, places)
        return result


def _script(train: TrainConfig, architecture: str) -> Path:
    checkout = train.kohya.checkout
    script = Path(checkout or "").expanduser().resolve() / SCRIPTS[architecture]
    if checkout is None or not script.is_file():
        raise ConfigError(
            f"train.kohya.checkout {checkout}: no sd-scripts for {architecture} there",
            reason="no-sd-scripts",
            remedy="git clone kohya-ss/sd-scripts, install its requirements in an environment of its own, and set "
            "train.kohya.checkout to the folder and train.kohya.python to that environment's python",
        )
    return script


def _launcher(train: TrainConfig) -> list[str]:
    if train.system.processes == 1:
        return []
    number = str(train.system.processes)
    return ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", number]


def _arguments(
    run: Run, base: Base, train: TrainConfig, examples: list[TrainingExample], work: Path
) -> list[str]:
    cfg, folder = run.config.base, run.paths.lora_training
    directories = {
        example.path.parent.relative_to(folder).as_posix(): example.repeats for example in examples
    }
    dataset = work / "dataset.toml"
    write_atomic(dataset, dataset_toml(folder, directories, train).encode())
    local = cfg.local(run.repository.root)
    chosen = options(
        train,
        cfg,
        source=str(local.resolve()) if local else cfg.source,
        v_prediction=base.prediction == "v_prediction",
    )
    if base.pipeline.scheduler.config.get("rescale_betas_zero_snr"):
        chosen["zero_terminal_snr"] = None
    wide = torch.cuda.is_available() and train.system.device != "cpu"
    chosen |= {
        "dataset_config": str(dataset.resolve()),
        "output_dir": str(work.resolve()),
        "output_name": MODEL,
        "mixed_precision": "bf16" if wide and torch.cuda.is_bf16_supported() else "no",
    }
    return command_line(chosen)


def _environment(train: TrainConfig) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not SECRET.search(name)}
    kept["TQDM_MININTERVAL"] = "0"  # a line each step
    return kept | ({"ACCELERATE_USE_CPU": "true"} if train.system.device == "cpu" else {})


def _run_script(
    command: list[str], folder: Path, train: TrainConfig, permit: Callable[[], None]
) -> list[float]:
    """The loss of each step, as the script's moving average tells it; a step that it does not tell has the one before's.

    Raises:
        ConsentError: as `permit` does, asked every `train.checkpoint.every_steps`.
        ProviderError: it failed. ConfigError: its loss is not a number. TransientError: stopped by a signal.
    """
    told: dict[int, float] = {}
    last: deque[str] = deque(maxlen=KEPT_LINES)
    steps = train.schedule.steps
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(train),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            with StopRequest() as stop, Progress("train", total=steps) as progress:
                for line in _lines(process.stdout):
                    if stop.requested:
                        raise TransientError(
                            f"train: stopped after {len(told)} of {steps} steps of sd-scripts",
                            reason="stopped",
                            remedy="run `dvc repro` again: this trainer begins anew; native goes on where it stopped",
                        )
                    if (match := PROGRESS.search(line)) is None:
                        last += [line] if line else []
                        continue
                    step, loss = int(match[1]), float(match[2])
                    if not math.isfinite(loss):
                        raise ConfigError(
                            f"train: the loss of step {step} is {loss}",
                            reason="diverged",
                            remedy="lower train.optimizer.lr, or raise train.schedule.warmup_steps",
                        )
                    progress.advance("", "trained", steps=max(0, step - max(told, default=0)))
                    told[step] = loss
                    if step % train.checkpoint.every_steps == 0:
                        permit()
            code = process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if code != 0 or not told:
        lines = "\n  ".join(last)
        raise ProviderError(
            f"sd-scripts ended with exit status {code}:\n  {lines}", reason="sd-scripts",
            remedy="read its last lines; it runs with the python of train.kohya.python in its own folder",
        )  # fmt: skip
    losses: list[float] = []
    for step in range(1, steps + 1):
        losses.append(told.get(step, losses[-1] if losses else told[min(told)]))
    return losses


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines of a terminal program: a carriage return ends one, too. An empty one when nothing came for a while."""
    buffer = b""
    while True:
        if not select.select([stream], [], [], QUIET_S)[0]:
            yield ""
            continue
        if not (chunk := os.read(stream.fileno(), 65536)):
            break
        *whole, buffer = re.split(rb"[\r\n]", buffer + chunk)
        yield from (line.decode(errors="replace").rstrip() for line in whole if line.strip())
    if buffer.strip():
        yield buffer.decode(errors="replace").rstrip()


def _result(
    run: Run, base: Base, train: TrainConfig, examples: list[TrainingExample], work: Path, losses: list[float]
) -> TrainingResult:
    places, facts = run.paths, facts_of(run, base)

    def described(path: Path, steps: int) -> bytes:
        tensors = load_file(path)
        metadata = describe(tensors, facts, train, examples, steps=steps)
        return weights_bytes(
            tensors, metadata | {"modelspec.implementation": "https://github.com/kohya-ss/sd-scripts"}
        )

    final = work / f"{MODEL}.safetensors"
    if not final.is_file():
        raise ProviderError(
            f"sd-scripts wrote no {final}", reason="sd-scripts", remedy="read its output above"
        )
    checkpoints: dict[int, Path] = {}
    for path in sorted(work.glob(f"{MODEL}-step*.safetensors")):
        step = int(path.stem.rpartition("step")[2])
        write_atomic(path, described(path, step))
        checkpoints[step] = path
    one = encode_examples(examples[:1], base, train, run.items).first()
    shape = tuple(one.latents.shape[1:])
    run.require(*run.uses)  # weights get no name once the consent has ended
    check = publish(described(final, train.schedule.steps), places.weights, base, one.condition, shape)
    tensors: Mapping[str, torch.Tensor] = load_file(places.weights)
    return TrainingResult(
        step=train.schedule.steps, images=len(examples), losses=losses, grad_norms=[],
        rates=learning_rates(train, len(losses)),
        measured={}, checkpoints=checkpoints, probe={}, check=check,
        trainable_parameters=sum(t.numel() for name, t in tensors.items() if not name.endswith(".alpha")),
        validation={},
    )  # fmt: skip
