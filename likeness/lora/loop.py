"""The training loop: explicit, resumable bit for bit, and without waiting for the device inside a step.

Seeded before PEFT draws its first weights; order, noise and timesteps come from (seed, step), so the state of
a run is its LoRA, its optimizer and the number of steps. Losses stay on the device and are read once per window.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from accelerate import Accelerator  # pyright: ignore[reportMissingTypeStubs]
from torch import Tensor
from torch.nn import Parameter
from torch.utils import deterministic as torch_fill

from likeness.errors import ConfigError, TransientError
from likeness.items import item_key
from likeness.lora.adapter import add_lora, lora_tensors
from likeness.lora.base import Base, Condition
from likeness.lora.cache import TrainingSet
from likeness.lora.checkpoint import Checkpoint, RunFolder
from likeness.lora.config import TrainConfig
from likeness.lora.interrupt import StopRequest
from likeness.lora.loss import min_snr_weights, noise_loss, noisy_latents
from likeness.lora.randomness import derive
from likeness.lora.schedule import learning_rate
from likeness.progress import Progress

LOOP_VERSION = 1
fill: Any = torch_fill  # sets fill_uninitialized_memory through a property that type checkers don't see
# Settings that change what is written on the way, never the weights that come out.
NO_EFFECT = {"log_every_steps", "checkpoint_every_steps", "checkpoints_kept", "divergence_factor", "license"}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished run: losses and gradient norms by step, and the probe's loss before and after."""

    parameters: Mapping[str, Parameter]
    losses: list[float]
    grad_norms: list[float]
    probe_before: float
    probe_after: float
    resumed_from: int
    steps_per_s: float | None


def run_key(base: Base, cfg: TrainConfig, data_digest: str) -> str:
    """The name of a run: a digest of all that decides its result on this machine.

    The number of CPU threads is part of it: it decides in which order floats are summed.
    """
    settings = cfg.model_dump(mode="json", exclude=NO_EFFECT)
    machine = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    return item_key("lora.train", LOOP_VERSION, {**settings, **base.identity, **machine}, [data_digest])


def train(
    base: Base,
    data: TrainingSet,
    cfg: TrainConfig,
    run: RunFolder,
    *,
    keep_weights: Callable[[int, dict[str, Tensor]], None] = lambda step, tensors: None,
    on_window: Callable[[int, dict[str, float]], None] = lambda step, values: None,
) -> Trained:
    """Train a LoRA into `base.unet`, going on from the run's newest checkpoint.

    `keep_weights(step, tensors)` gets the intermediate LoRA, `on_window(step, values)` the measured means.

    Raises:
        ConfigError: a target fits no layer, training diverged, or several processes were started.
        TransientError: stopped by a signal, after a checkpoint.
    """
    with deterministic(base.device):
        parameters = add_lora(base.unet, cfg)
        accelerator: Any = _accelerator(base, cfg)
        optimizer: Any = accelerator.prepare(
            torch.optim.AdamW(
                parameters.values(), lr=cfg.lr, betas=cfg.betas, weight_decay=cfg.weight_decay, fused=True
            )
        )
        objective = Objective(base, data, cfg)
        losses, norms = (torch.zeros(cfg.steps, device=base.device) for _ in range(2))
        checkpoint = run.newest()
        start = checkpoint.step if checkpoint else 0
        if checkpoint is not None:
            _restore(checkpoint, parameters, optimizer, losses, norms)
        before = checkpoint.tensors["probe_before"].item() if checkpoint else objective.probe()

        watch = Watch(cfg, losses, norms, start=start, on_window=on_window)
        began = time.monotonic()
        with Progress("train", total=cfg.steps) as progress, StopRequest() as stop:
            if start:
                progress.advance(f"step {start}", "resumed", steps=start)
            for step in range(start, cfg.steps):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(cfg, step)
                for part in range(cfg.gradient_accumulation):
                    with accelerator.accumulate(base.unet):
                        loss = objective.training_loss(step, part)
                        accelerator.backward(loss)
                        losses[step] += loss.detach() / cfg.gradient_accumulation
                        if accelerator.sync_gradients:
                            norms[step] = accelerator.clip_grad_norm_(parameters.values(), cfg.grad_clip_norm)
                        optimizer.step()
                        optimizer.zero_grad()

                done = step + 1
                stopping = stop.asked and done < cfg.steps  # read once: a signal may come at any line
                due = stopping or done == cfg.steps or done % cfg.checkpoint_every_steps == 0
                if due or done % cfg.log_every_steps == 0:
                    progress.advance(f"loss {watch.read(done):.4f}", "trained", steps=watch.new_steps)
                if cfg.weights_every_steps and done % cfg.weights_every_steps == 0 and done < cfg.steps:
                    keep_weights(done, lora_tensors(parameters))
                if due:
                    run.save(done, _state(parameters, optimizer, losses[:done], norms[:done], before))
                if stopping:
                    raise TransientError(
                        f"training was stopped at step {done} of {cfg.steps}; its state is saved",
                        reason="stopped", remedy="run `dvc repro` again: it goes on from there",
                    )  # fmt: skip
        seconds = time.monotonic() - began
        return Trained(
            parameters=parameters, losses=_floats(losses), grad_norms=_floats(norms), probe_before=before,
            probe_after=objective.probe(), resumed_from=start,
            steps_per_s=(cfg.steps - start) / seconds if start < cfg.steps else None,
        )  # fmt: skip


class Objective:
    """The loss of a step, as a pure function of (seed, step, part)."""

    def __init__(self, base: Base, data: TrainingSet, cfg: TrainConfig) -> None:
        self.base, self.data, self.cfg = base, data, cfg
        self.alphas = base.alphas_cumprod()
        self.weights = min_snr_weights(self.alphas, cfg.min_snr_gamma)
        self._random = torch.Generator(base.device)
        self._epoch = -1

    def training_loss(self, step: int, part: int) -> Tensor:
        """The weighted loss of one batch, a scalar with its graph."""
        latents, condition = self._batch(step * self.cfg.gradient_accumulation + part)
        self._random.manual_seed(derive(self.cfg.seed, "noise", step, part))
        timesteps = torch.randint(
            len(self.alphas), latents.shape[:1], generator=self._random, device=latents.device
        )
        return self._loss(latents, condition, timesteps, self.weights[timesteps])

    @torch.no_grad()
    def probe(self) -> float:
        """Unweighted loss over fixed batches and noise, timesteps spread evenly, to compare states."""
        losses: list[Tensor] = []
        for draw in range(self.cfg.probe_draws):
            latents, condition = self._batch(draw)
            count = len(latents)
            self._random.manual_seed(derive(self.cfg.seed, "probe", draw))
            spread = (torch.arange(count, device=latents.device) + 0.5) / count + draw
            timesteps = (spread / self.cfg.probe_draws * len(self.alphas)).long()
            losses.append(self._loss(latents, condition, timesteps, torch.ones_like(spread)))
        return torch.stack(losses).mean().item()

    def _loss(self, latents: Tensor, condition: Condition, timesteps: Tensor, weights: Tensor) -> Tensor:
        noise = torch.randn(latents.shape, generator=self._random, device=latents.device)
        noisy = noisy_latents(latents, noise, self.alphas, timesteps)
        return noise_loss(self.base.predict(noisy, timesteps, condition), noise, weights)

    def _batch(self, number: int) -> tuple[Tensor, Condition]:
        epoch, position = divmod(number, self.data.order.batches_per_epoch)
        if epoch != self._epoch:
            self._batches, self._epoch = self.data.order.epoch(epoch), epoch
            members = torch.tensor([batch.members for batch in self._batches])
            self._members = members.to(self.base.device)
        return self.data.take(self._batches[position], self._members[position])


class Watch:
    """Reads the losses of a window from the device, and stops a run that diverges before it is saved."""

    def __init__(self, cfg: TrainConfig, losses: Tensor, norms: Tensor, *, start: int,
                 on_window: Callable[[int, dict[str, float]], None]) -> None:  # fmt: skip
        self.cfg, self.losses, self.norms, self.on_window = cfg, losses, norms, on_window
        self.read_until, self.new_steps = start, 0

    def read(self, done: int) -> float:
        """Mean loss since the last call; ConfigError when it is no number or far above the first window's."""
        mean = self.losses[self.read_until : done].mean().item()
        first = self.losses[: min(done, self.cfg.log_every_steps)].mean().item()
        # Written so that a NaN, which compares as false, is caught.
        if not mean <= first * self.cfg.divergence_factor:
            raise ConfigError(
                f"training diverged: the mean loss of steps {self.read_until + 1} to {done} is {mean:.4g}, "
                f"that of the first {self.cfg.log_every_steps} was {first:.4g}",
                reason="diverged",
                remedy="lower train.lr, lengthen train.warmup_steps, or lower train.alpha",
            )
        self.new_steps, self.read_until = done - self.read_until, done
        norm = self.norms[done - 1].item()
        self.on_window(done, {"loss": mean, "grad_norm": norm, "lr": learning_rate(self.cfg, done - 1)})
        return mean


@contextlib.contextmanager
def deterministic(device: torch.device) -> Generator[None]:
    """Only algorithms that give the same bits twice; on a GPU without one for an operation torch warns."""
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled = fill.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=device.type == "cuda")
    fill.fill_uninitialized_memory = False  # a debugging aid that writes every new tensor once more
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        fill.fill_uninitialized_memory = filled


def _accelerator(base: Base, cfg: TrainConfig) -> Accelerator:
    accelerator = Accelerator(
        cpu=base.device.type == "cpu",
        mixed_precision="no",
        gradient_accumulation_steps=cfg.gradient_accumulation,
    )
    if accelerator.num_processes > 1:
        raise ConfigError(
            f"training was started as {accelerator.num_processes} processes, but knows one so far",
            remedy="start it with `dvc repro`, not with `accelerate launch` on several GPUs",
        )
    return accelerator


def _floats(values: Tensor) -> list[float]:
    return cast("list[float]", values.tolist())  # pyright: ignore[reportUnknownMemberType]


def _state(
    parameters: Mapping[str, Parameter], optimizer: Any, losses: Tensor, norms: Tensor, before: float
) -> dict[str, Tensor]:
    tensors = {f"lora.{name}": tensor for name, tensor in lora_tensors(parameters).items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value.cpu() for key, value in values.items()}
    history = {"losses": losses.cpu(), "grad_norms": norms.cpu()}
    return tensors | history | {"probe_before": torch.tensor(before, dtype=torch.float64)}


def _restore(
    checkpoint: Checkpoint, parameters: Mapping[str, Parameter], optimizer: Any, losses: Tensor, norms: Tensor
) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in checkpoint.tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(checkpoint.tensors[f"lora.{name}"])
        losses[: checkpoint.step] = checkpoint.tensors["losses"].to(losses.device)
        norms[: checkpoint.step] = checkpoint.tensors["grad_norms"].to(norms.device)
