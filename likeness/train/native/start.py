# pyright: basic
# (peft's layers are not typed)
"""Training that starts from a LoRA file of any trainer instead of fresh weights: its layers become the new adapter's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Parameter

from likeness.diffusion.bases import Base
from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import ConfigError, on_terminal
from likeness.lora.adapter import lora_layers
from likeness.lora.door import refuse_others
from likeness.lora.file import LoraFile, read_file, refuse_endless
from likeness.lora.keys import SCALED
from likeness.lora.kinds.lora import ADAPTER
from likeness.lora.read import layers_for
from likeness.lora.safetensors_io import NAMES_SHOWN, find_weights, of_file
from likeness.lora.said import BASE

MAX_NAME = 80  # letters of a base's name


@dataclass(frozen=True, kw_only=True)
class Start:
    """A LoRA file to start from; `sha256` is of all that decides its weights."""

    path: Path
    sha256: str
    file: LoraFile

    def words(self, base: Base) -> str:
        """What is known of it: `the weights of jade-1000.safetensors (of 1000 steps, trained on another base: sdxl)`."""
        said = self.file.metadata
        known = [f"of {steps} steps"] if (steps := said.get("ss_steps", "")[:MAX_NAME]).isdecimal() else []
        if said.get(BASE, base.digest) != base.digest:
            named = on_terminal(said.get("ss_sd_model_name", "not named"))[:MAX_NAME]
            known.append(f"trained on another base: {named}")
        return f"the weights of {self.path.name}" + (f" ({', '.join(known)})" if known else "")

    @torch.no_grad()
    def fill(self, base: Base, parameters: Mapping[str, Parameter]) -> None:
        """Give a fresh adapter the file's weights; where the scales differ, the upper matrices make up for it.

        Raises:
            InputError: it is no LoRA that is read, or not of this base.
            ConfigError: it has other layers, another rank or kind than train.lora says.
        """
        with of_file(f"train.start_from {self.path}"):
            found = layers_for(base, self.file)
        values: dict[str, Tensor] = {}
        for layer, module in lora_layers(base).items():
            share = found.scales.get(layer, 1.0) / module.scaling.get(ADAPTER, 1.0)
            for part, tensor in found.layers.get(layer, {}).items():
                values[f"{layer}.{part}"] = tensor * share if part in SCALED and share != 1 else tensor
        missing = sorted({name.rpartition(".lora")[0] or name for name in parameters.keys() - values.keys()})
        spare = sorted(set(found.layers) - set(lora_layers(base)))
        others = sorted(values.keys() - parameters.keys())
        if missing or spare or others:
            what = [
                f"{words} ({', '.join(names[:NAMES_SHOWN])})"
                for words, names in (
                    (f"lacks {len(missing)} of the layers that train.lora names", missing),
                    (f"has {len(spare)} others", spare),
                    ("has tensors of another kind", [] if missing else others),
                )
                if names
            ]
            raise ConfigError(
                f"train.start_from {self.path}: it {' and '.join(what)}",
                reason="start-from",
                remedy="set train.lora.kind, targets and blocks (and text_encoder_lr) as it was trained",
            )
        for name, parameter in parameters.items():
            if values[name].numel() != parameter.numel() or len(values[name]) != len(parameter):
                raise ConfigError(
                    f"train.start_from {self.path}: {name} is {list(values[name].shape)} there and "
                    f"{list(parameter.shape)} here",
                    reason="start-from",
                    remedy="set train.lora.rank as it was trained",
                )
            parameter.copy_(values[name].reshape(parameter.shape))


def read_start(path: Path, consent_id: str) -> Start:
    """Read the file to start from.

    Raises:
        InputError: it is not a safetensors file, or holds numbers that are infinite or not a number.
        ConsentError: it says that it was trained under another consent record.
    """
    with of_file(f"train.start_from {path}"):
        file = read_file(path)
        refuse_others(file.metadata, (consent_id,), what=f"train.start_from {path}")
        refuse_endless(file)
    weights, config = find_weights(path)
    digest = sha256_file(weights)
    if config is not None:
        digest = sha256_bytes(f"{digest}\n{json.dumps(config, sort_keys=True)}".encode())
    return Start(path=path, sha256=digest, file=file)
