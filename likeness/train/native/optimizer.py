# pyright: basic
# (optimizers come from libraries without types)
"""The optimizers, their state as tensors for a checkpoint, and the weights as a finished file gets them.

Sources: Loshchilov and Hutter, arXiv 1711.05101 (AdamW); Dettmers et al., arXiv 2110.02861 (8 bits); Shazeer and
Stern, arXiv 1804.04235 (Adafactor); Chen et al., arXiv 2302.06675 (Lion); Mishchenko and Defazio, arXiv 2306.06101
(Prodigy); Defazio et al., arXiv 2405.15682 (schedule-free); Hayou et al., arXiv 2402.12354 (LoRA+).
"""

import contextlib
import importlib
import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from likeness.errors import ConfigError
from likeness.train.config import OptimizerConfig

# (module, class, options): the extra `optimizers` of pyproject.toml brings those that torch lacks.
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "adamw": ("torch.optim", "AdamW", {"fused": True}),
    "adamw_8bit": ("bitsandbytes.optim", "AdamW8bit", {}),
    "adafactor": ("torch.optim", "Adafactor", {}),
    "lion": ("lion_pytorch", "Lion", {}),
    # As its authors advise for diffusion models.
    "prodigy": ("prodigyopt", "Prodigy", {"use_bias_correction": True, "safeguard_warmup": True}),
    "schedule_free": ("schedulefree", "AdamWScheduleFree", {}),
}
WITHOUT_BETAS = {"adafactor"}
SCALAR = "#"  # marks a plain number among the tensors of a checkpoint


def build_optimizer(parameters: Mapping[str, Parameter], cfg: OptimizerConfig) -> Any:
    """The optimizer of `cfg` for a LoRA's parameters; each group's `lr_ratio` scales the step's learning rate.

    Raises:
        ConfigError: the package that has it is not installed.
    """
    module, name, options = KINDS[cfg.name]
    try:
        kind = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            f"train.optimizer.name {cfg.name} needs the package {module.split('.')[0]}: {error}",
            reason="missing-package",
            remedy="pip install 'likeness[optimizers]', or set train.optimizer.name: adamw",
        ) from error
    settings = {"lr": cfg.lr, "weight_decay": cfg.weight_decay, **options}
    if cfg.name not in WITHOUT_BETAS:
        settings["betas"] = cfg.betas
    with contextlib.redirect_stdout(io.StringIO()):  # Prodigy prints
        optimizer = kind(_groups(parameters, cfg), **settings)
    _set_mode(optimizer, "train")
    return optimizer


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
