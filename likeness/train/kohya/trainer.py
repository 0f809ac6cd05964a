# pyright: basic
# (diffusers pipelines are not typed)
"""Runs sd-scripts on our dataset with our settings, reads its progress, and checks and describes its file as ours.

A run that is stopped begins anew: sd-scripts' own resume does not repeat the unbroken run.
"""

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

from likeness.diffusion.bases import Base
from likeness.diffusion.load import device_name, load_base
from likeness.disk import write_atomic
from likeness.errors import ProviderError
from likeness.lora.export import publish
from likeness.lora.safetensors_io import weights_bytes
from likeness.run import Run
from likeness.train import door
from likeness.train.config import TrainConfig
from likeness.train.kohya.options import command_line, dataset_toml, find_script, options, python
from likeness.train.kohya.script import run_script
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import TrainingExample, read_examples, resolve_steps
from likeness.train.native.job import plan
from likeness.train.native.metadata import describe, facts_of
from likeness.train.native.schedule import learning_rates
from likeness.train.pace import Pace, remember
from likeness.train.results import log_results, write_results
from likeness.train.trainer import TrainingResult

MODEL = "model"


class KohyaTrainer:
    """See Trainer."""

    def train(self, run: Run) -> TrainingResult:
        """See Trainer.

        Raises:
            ProviderError: the script ended with an error; its last lines are in the message.
        """
        cfg, places = run.config, run.paths
        script = find_script(cfg.train, cfg.base)
        examples = read_examples(places.lora_training, face_fraction=None)
        settings = resolve_steps(examples, cfg.train)
        sys.stderr.write(plan(examples, settings))
        sys.stderr.write("train: starts at step 0 with new weights; sd-scripts goes on from no earlier run\n")
        # On the CPU: the script needs the GPU, and the file's check needs no more.
        base = load_base(cfg.base, device="cpu", memo=run.repository.digests)
        work = run.repository.training / f"kohya-{run.persona.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        command = [python(settings), *_launcher(settings), str(script)]
        command += _arguments(run, base, settings, examples, work)
        params = {"train": settings.model_dump(), "base": cfg.base.model_dump()}
        with run.tracker(params) as tracker:
            began = time.monotonic()
            permit = partial(run.require, *run.uses, midway=True)
            losses = run_script(command, script.parent, settings, permit)
            # The script read the folder itself, after the door: what lies there now passed it.
            door.admit(run)
            device = torch.device("cuda" if _on_gpu(settings) else "cpu")
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


def _launcher(train: TrainConfig) -> list[str]:
    if train.system.processes == 1:
        return []
    number = str(train.system.processes)
    return ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", number]


def _arguments(
    run: Run, base: Base, train: TrainConfig, examples: Sequence[TrainingExample], work: Path
) -> list[str]:
    cfg, folder = run.config.base, run.paths.lora_training
    directories = {
        example.path.parent.relative_to(folder).as_posix(): example.repeats for example in examples
    }
    dataset = work / "dataset.toml"
    write_atomic(dataset, dataset_toml(folder, directories, train).encode())
    local = cfg.local(run.repository.root)
    source = str(local.resolve()) if local else cfg.source
    chosen = options(train, cfg, source=source, v_prediction=base.prediction == "v_prediction")
    if base.zero_snr:
        chosen["zero_terminal_snr"] = True
    chosen |= {
        "dataset_config": str(dataset.resolve()),
        "output_dir": str(work.resolve()),
        "output_name": MODEL,
        "mixed_precision": "bf16" if _on_gpu(train) and torch.cuda.is_bf16_supported() else "no",
    }
    return command_line(chosen)


def _on_gpu(train: TrainConfig) -> bool:
    return torch.cuda.is_available() and train.system.device != "cpu"


def _result(
    run: Run,
    base: Base,
    train: TrainConfig,
    examples: Sequence[TrainingExample],
    work: Path,
    losses: list[float],
) -> TrainingResult:
    places, facts = run.paths, facts_of(run, base)

    def described(path: Path, steps: int) -> bytes:
        tensors = load_file(path)
        implementation = {"modelspec.implementation": "https://github.com/kohya-ss/sd-scripts"}
        return weights_bytes(
            tensors, describe(tensors, facts, train, examples, steps=steps, more=implementation)
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
        step=train.schedule.steps,
        images=len(examples),
        losses=losses,
        grad_norms=[],
        rates=learning_rates(train, len(losses)),
        measured={},
        checkpoints=checkpoints,
        probe={},
        check=check,
        trainable_parameters=sum(t.numel() for name, t in tensors.items() if not name.endswith(".alpha")),
        validation={},
    )
