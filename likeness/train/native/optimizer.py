# pyright: basic
# (optimizers come from libraries without types)
"""The optimizer that conf/train/optimizer/ names, its state as tensors for a checkpoint, and the weights as a finished
file gets them. LoRA+: Hayou et al., arXiv 2402.12354.
"""

import inspect
import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from likeness.errors import ConfigError
from likeness.providers import OPTIMIZER, TARGET, check_place
from likeness.train.config import OptimizerConfig

SCALAR = "#"  # marks a plain number among the tensors of a checkpoint
MEASURED_SIDE = 256  # of the matrix that is trained for a step, large enough for 8-bit states


def optimizer_class(target: str) -> type[Optimizer]:
    """The class that a registered dotted name stands for.

    Raises:
        ConfigError: it is not registered, its package is not installed, or it is no optimizer.
    """
    module, _, name = check_place(OPTIMIZER, target).partition(":")
    try:
        kind = getattr(import_module(module), name, None)
    except ImportError as error:
        raise ConfigError(
            f"train.optimizer.{TARGET}: {target} needs the package {module.split('.')[0]}: {error}",
            reason="missing-package",
            remedy="pip install 'likeness[optimizers]', or choose train/optimizer=adamw",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, Optimizer)):
        raise ConfigError(
            f"train.optimizer.{TARGET}: {target} is not a torch.optim.Optimizer",
            reason="unregistered-provider",
            remedy="choose a file of conf/train/optimizer/, such as train/optimizer=adamw",
        )
    return kind


def build_optimizer(parameters: Mapping[str, Parameter], cfg: OptimizerConfig) -> Any:
    """The optimizer of `cfg` for a LoRA's parameters; each group's `lr_ratio` scales the step's learning rate.

    Raises:
        ConfigError: see `optimizer_class`; or it does not take its options.
    """
    kind = optimizer_class(cfg.target)
    common = {"lr": cfg.lr, "betas": cfg.betas, "weight_decay": cfg.weight_decay}
    known = inspect.signature(kind).parameters
    settings = {name: value for name, value in common.items() if name in known} | cfg.options
    with _refusing(cfg), redirect_stdout(io.StringIO()):  # Prodigy prints
        optimizer = kind(_groups(parameters, cfg), **settings)
    _set_mode(optimizer, "train")
    return optimizer


def state_bytes(cfg: OptimizerConfig, device: torch.device) -> float:
    """Bytes of optimizer state a trained number: measured, by one step of a matrix.

    Raises:
        ConfigError: see `build_optimizer`; or it cannot take a step as the training loop does.
    """
    matrix = Parameter(torch.ones(MEASURED_SIDE, MEASURED_SIDE, device=device))
    matrix.grad = torch.ones_like(matrix)
    optimizer = build_optimizer({"matrix": matrix}, cfg)
    with _refusing(cfg):
        optimizer.step()
    values = optimizer.state[matrix].values()
    return sum(value.nbytes for value in values if isinstance(value, Tensor)) / matrix.numel()


@contextmanager
def _refusing(cfg: OptimizerConfig) -> Generator[None]:
    try:
        yield
    except (TypeError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"train.optimizer: {cfg.target} does not work with these settings: {error}",
            reason="optimizer-settings",
            remedy="correct train.optimizer, or choose another file of conf/train/optimizer/",
        ) from error


def _groups(parameters: Mapping[str, Parameter], cfg: OptimizerConfig) -> list[dict[str, Any]]:
    groups: dict[float, list[Parameter]] = {}
    for name, parameter in parameters.items():
        ratio = cfg.lora_plus_ratio if ".lora_B." in name else 1.0
        if name.startswith("text_encoder") and cfg.text_encoder_lr is not None:
            ratio *= cfg.text_encoder_lr / cfg.lr
        groups.setdefault(ratio, []).append(parameter)
    return [{"params": members, "lr_ratio": ratio} for ratio, members in groups.items()]


def optimizer_tensors(optimizer: Any) -> dict[str, Tensor]:
    """The state of parameters and groups on the CPU; numbers become tensors that `restore_optimizer` knows again."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    for index, values in state["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in _tensors(values).items()}
    for index, group in enumerate(state["param_groups"]):
        # The rate is a function of the step.
        kept = {key: value for key, value in group.items() if key not in ("lr", "initial_lr", "params")}
        tensors |= {f"optimizer-group.{index}.{key}": value for key, value in _tensors(kept).items()}
    return tensors


def _tensors(values: Mapping[str, Any]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for key, value in values.items():
        if isinstance(value, Tensor):
            found[key] = value.detach().cpu().clone()
        elif isinstance(value, float):
            found[key + SCALAR] = torch.tensor(value, dtype=torch.float64)
        elif isinstance(value, int):
            found[key + SCALAR] = torch.tensor(value)
    return found


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave, bit for bit."""
    fresh = optimizer.state_dict()
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind not in ("optimizer", "optimizer-group"):
            continue
        index, key = rest.split(".", 1)
        value = tensor.item() if key.endswith(SCALAR) else tensor
        place = state.setdefault(int(index), {}) if kind == "optimizer" else fresh["param_groups"][int(index)]
        place[key.removesuffix(SCALAR)] = value
    optimizer.load_state_dict({"state": state, "param_groups": fresh["param_groups"]})


class Average:
    """The slow average of the weights (EMA), which is what a file gets; Polyak and Juditsky 1992."""

    def __init__(self, parameters: Mapping[str, Parameter], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.tensors = {name: parameter.detach().clone() for name, parameter in parameters.items()}

    def update(self, done: int) -> None:
        """Take in the weights after `done` steps; the first steps count more, so that the start is forgotten."""
        decay = min(self.decay, (1 + done) / (10 + done))
        for name, parameter in self.parameters.items():
            self.tensors[name].lerp_(parameter.detach(), 1 - decay)


@contextmanager
@torch.no_grad()
def finished(parameters: Mapping[str, Parameter], optimizer: Any, average: Average | None) -> Generator[None]:
    """Inside, the weights are those of a finished file; afterwards training goes on with the very bits it had."""
    kept = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    finish(parameters, optimizer, average)
    try:
        yield
    finally:
        _set_mode(optimizer, "train")
        for name, parameter in parameters.items():
            parameter.copy_(kept[name])


@torch.no_grad()
def finish(parameters: Mapping[str, Parameter], optimizer: Any, average: Average | None) -> None:
    """Leave the weights as a finished file gets them."""
    _set_mode(optimizer, "eval")
    if average is not None:
        for name, parameter in parameters.items():
            parameter.copy_(average.tensors[name])


def _set_mode(optimizer: Any, mode: str) -> None:
    # Schedule-free optimizers step from one point and answer with another.
    inner = getattr(optimizer, "optimizer", optimizer)
    if hasattr(inner, mode):
        getattr(inner, mode)()
