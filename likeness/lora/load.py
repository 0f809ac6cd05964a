# pyright: basic
# (diffusers pipelines and peft layers are not typed)
"""A LoRA file in a base: loaded through diffusers or straight into the network, and compared with what the file holds."""

import threading
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load_file
from torch import Tensor

from likeness.aligned import align_module
from likeness.diffusion.bases import MISFIT, Base
from likeness.errors import InputError
from likeness.lora.adapter import adapter_parameters, lora_layers
from likeness.lora.file import read_file
from likeness.lora.keys import (
    KOHYA,
    SCALED,
    UNREAD,
    by_layer,
    diffusers_tensors,
    file_settings,
)
from likeness.lora.layers import LoraLayers, read_layers
from likeness.lora.read import layers_for
from likeness.lora.safetensors_io import MAX_SHOWN, of_file, read_header

ADAPTER = "exported"
# What UNREAD are called under diffusers' names.
UNREAD_PEFT = tuple(f".{part}" for part, name in KOHYA.items() if f".{name}" in UNREAD)
# How far, in roundings of the coarsest type on the way, what was loaded may be from the file's.
ROUNDINGS = 8
REPORT = "report this with the train and base sections of params.yaml"


def load_lora(base: Base, file: Path, found: LoraLayers | None = None) -> None:
    """Load a file through diffusers, by diffusers' own reading where that is right; `found` is what was read of it, if it was."""
    tensors = load_file(file)
    if not any(key.endswith((*UNREAD, *UNREAD_PEFT)) for key in tensors) and load_plain(tensors):
        base.pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=ADAPTER)
        _align(base)
    else:
        load_layers(base, found or read_layers(base, tensors, read_header(file).metadata))


def load_layers(base: Base, found: LoraLayers) -> None:
    """Load what was read of a file. What diffusers' pipelines drop (DoRA) or refuse (LoKr) goes to the network directly."""
    named = diffusers_tensors(found.layers, found.scales)
    if any(key.endswith(UNREAD_PEFT) for key in named):
        # diffusers renames the layers attn.to_out unless it sees a lower matrix first.
        named = dict(sorted(named.items(), key=lambda item: ".lora_A." not in item[0]))
        settings = file_settings(named, base.NETWORK)
        base.network.load_lora_adapter(named, prefix=base.NETWORK, adapter_name=ADAPTER, metadata=settings)
        base.network.eval()
    else:
        base.pipeline.load_lora_weights(named, adapter_name=ADAPTER)
    _align(base)


def _align(base: Base) -> None:
    for layer in lora_layers(base).values():
        align_module(layer)


def load_plain(tensors: Mapping[str, Tensor]) -> bool:
    """Whether diffusers 0.42 reads the file itself: of alphas that differ it loses attention's, with one below zero it never
    ends halving a scale, and of a text encoder under Kohya's names it loses the attention where `out_proj` is not in it."""
    alphas = {tensor.double().mean().item() for key, tensor in tensors.items() if key.endswith(".alpha")}
    encoders = [
        {
            key.partition("text_model_")[0]
            for key in tensors
            if key.startswith("lora_te") and f"_self_attn_{layer}" in key
        }
        for layer in ("", "out_proj")
    ]
    return len(alphas) <= 1 and all(alpha > 0 for alpha in alphas) and encoders[0] == encoders[1]


@contextmanager
def loaded_lora(base: Base, file: Path | None, scale: float = 1.0) -> Generator[None]:
    """Inside, a LoRA file of any trainer is loaded into the base; None loads nothing.

    Raises:
        InputError: the file is broken or does not fit the base, or diffusers does not load all of it as it is.
    """
    if file is None:
        yield
        return
    with of_file(str(file)):
        found = layers_for(base, read_file(file))
    try:
        try:
            load_lora(base, file, found)
            compare(found, base)
        except (OSError, InputError, *MISFIT):  # names that diffusers does not read, or not wholly
            base.pipeline.unload_lora_weights()
            _load_as_read(base, found, file)
        base.pipeline.set_adapters([ADAPTER], [scale])
        yield
    finally:
        base.pipeline.unload_lora_weights()


def _load_as_read(base: Base, found: LoraLayers, file: Path) -> None:
    try:
        load_layers(base, found)
        with of_file(str(file)):
            compare(found, base)
    except (OSError, *MISFIT) as error:
        raise InputError(
            f"{file} does not fit the base {base.name}: {str(error)[:MAX_SHOWN]}",
            reason="lora-misfit",
            remedy="train it on this base, or choose the base it was trained on",
        ) from error


class LoraSlot:
    """The one LoRA file that a base holds: loaded when a picture first needs it, and kept until one needs another file, strength or
    none. Several threads may ask for the same; while they draw, none asks for another. A context manager: at its end the base is
    as it was. `misfit` is why a file could not be held, None where none was refused."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self.misfit: InputError | None = None
        self._held: tuple[Path, float] | None = None
        self._loaded = ExitStack()
        self._one_at_a_time = threading.Lock()

    def hold(self, file: Path | None, scale: float) -> None:
        """Have the base hold this file at this strength, or none.

        Raises:
            InputError: the file does not fit the base; it holds none.
        """
        with self._one_at_a_time:
            wanted = None if file is None else (file, scale)
            if wanted == self._held:
                return
            if wanted is not None and self._held is not None and file == self._held[0]:
                self._base.pipeline.set_adapters([ADAPTER], [scale])
            else:
                self._held = None
                self._loaded.close()
                try:
                    self._loaded.enter_context(loaded_lora(self._base, file, scale))
                except InputError as error:
                    self.misfit = error
                    raise
            self._held = wanted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loaded.close()


def compare(found: LoraLayers, base: Base) -> int:
    """The number of layers that the loaded LoRA has; InputError `lora-misfit` where any differs from a file's layers."""
    loaded_layers = lora_layers(base)
    if wrong := sorted(set(found.layers).symmetric_difference(loaded_layers)):
        raise _other(
            f"{len(wrong)} layer(s) are in the file or in the loaded LoRA only, e.g. {wrong[0]}",
            "diffusers does not map these layers: train a LoRA without them (train.lora.targets), and report it",
        )
    for name, loaded in by_layer(adapter_parameters(base, ADAPTER)).items():
        effect = _effects(loaded, loaded_layers[name].scaling[ADAPTER])
        parts = {part: tensor.to(base.device) for part, tensor in found.layers[name].items()}
        right = _effects(parts, found.scales.get(name, 1.0))
        if not all(tensor.isfinite().all() for tensor in right.values()):
            raise InputError(
                f"what {name} changes is larger than a number can be",
                reason="lora-tensors",
                remedy="take an earlier checkpoint",
            )
        precision = ROUNDINGS * max(
            found.precision, *(torch.finfo(tensor.dtype).eps for tensor in loaded.values())
        )
        if effect.keys() != right.keys() or any(
            not (effect[part] - tensor).norm() <= precision * tensor.norm() for part, tensor in right.items()
        ):
            raise _other(f"{name} was loaded with other weights or another scale than the file's")
    return len(loaded_layers)


def _effects(parts: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
    """A layer's tensors with the scale in them; of a LoRA the product, since diffusers may put a scale into either."""
    found = {part: tensor.float() * (scale if part in SCALED else 1.0) for part, tensor in parts.items()}
    if "lora_A.weight" in found:
        up, down = found.pop("lora_B.weight"), found.pop("lora_A.weight")
        found["change"] = up.flatten(1) @ down.flatten(1)
    return found


def _other(message: str, remedy: str = REPORT) -> InputError:
    return InputError(message, reason="lora-misfit", remedy=remedy)
