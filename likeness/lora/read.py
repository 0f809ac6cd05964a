# pyright: basic
# (torch and diffusers are typed in part)
"""The layers of a LoRA file of any trainer: for a base, or for the family that knows them."""

import math
import re
from typing import Any

from torch import nn

from likeness.diffusion.bases import Base
from likeness.diffusion.families import bases
from likeness.errors import InputError, LikenessError
from likeness.lora.family import EITHER, family_of_shapes
from likeness.lora.file import LoraFile, refuse_endless
from likeness.lora.keys import REMEDY, by_layer, part_of, said_base, size_of
from likeness.lora.layers import LoraLayers, layer_of, read_layers, skeleton
from likeness.lora.safetensors_io import NAMES_SHOWN


def family_layers(file: LoraFile) -> tuple[Base, LoraLayers]:
    """The layers by the family that knows them all; of several, that in whose forms and published sizes most of them are,
    and at last the one that the metadata name.

    Raises:
        InputError: none knows them (the refusal of the one that knows most), two know them by other names, or they have the
            shapes of a base that is none of the families'.
    """
    layers = by_layer(file.tensors)
    said = said_base(file.metadata, file.config) or ""
    shapes = family_of_shapes(_known_sizes(file), said)
    if shapes == EITHER:
        raise InputError(
            f"its layers are those of {shapes}, and nothing in it says of which",
            reason="lora-names",
            remedy="give a file with its metadata, or one in which other layers learned, too",
        )
    if shapes and shapes not in {base.TITLE for base in bases().values()}:
        raise InputError(
            f"its layers are those of {shapes}, whose files are not converted here",
            reason="lora-names",
            remedy="keep the file as it is",
        )
    fitting: list[tuple[tuple[int, int, bool], Base, LoraLayers]] = []
    refusals: list[tuple[float, bool, InputError]] = []
    for architecture in bases():
        base = skeleton(architecture)
        try:
            found = read_layers(base, file.tensors, file.metadata, file.config)
            same = compare_sizes(base, found)
        except InputError as error:
            if error.reason == "lora-ambiguous":
                raise
            refusals.append((_unknown(error, len(layers)), shapes != base.TITLE, error))
        else:
            named = re.search(base.SAID_AS, said, re.IGNORECASE) is not None
            fitting.append(((found.alike, same, named), base, found))
    if not fitting:
        fewest, _, refusal = min(refusals, key=lambda one: one[:2])
        if fewest < len(layers):
            raise refusal
        raise InputError(
            f"{len(layers)} of {len(layers)} layers are none of {', '.join(base.TITLE for base in bases().values())}: "
            f"{', '.join(sorted(layers)[:NAMES_SHOWN])}",
            reason="lora-names",
            remedy=REMEDY,
        )
    most = max(likeness for likeness, _, _ in fitting)
    base, found = next((base, found) for likeness, base, found in fitting if likeness == most)
    equals = [(other, same.layers) for likeness, other, same in fitting if likeness == most]
    if others := [
        other.TITLE
        for other, same in equals
        if any(other.file_layer(layer) != base.file_layer(layer) for layer in same)
    ]:
        raise InputError(
            f"the file's layers may be of {base.TITLE} or of {', '.join(others)}, whose files call them otherwise",
            reason="lora-names",
            remedy="give the file that was trained with the UNet's layers, too",
        )
    return base, found


def _known_sizes(file: LoraFile) -> dict[str, tuple[int | None, int | None]]:
    """Outputs and inputs by the file's own names of layers."""
    tensors = {name: tensor for name, tensor in file.tensors.items() if part_of(name)}
    return {
        name: size_of({part: tensor.shape for part, tensor in parts.items()})[1:]
        for name, parts in by_layer(tensors).items()
    }


def layers_for(base: Base, file: LoraFile) -> LoraLayers:
    """The layers of a file that is to be loaded into this base, or trained on.

    Raises:
        InputError: as `read_layers`; `lora-tensors`: numbers that are none; `lora-misfit`: it is of another base.
    """
    try:
        found = read_layers(base, file.tensors, file.metadata, file.config)
        _refuse_sizes(base, found)
    except InputError as error:
        title = family_of_shapes(_known_sizes(file), said_base(file.metadata, file.config))
        if error.reason not in ("lora-names", "lora-misfit") or title in (None, base.TITLE, EITHER):
            raise
        raise InputError(
            f"its layers are those of {title}, and the base {base.name} is of {base.TITLE}",
            reason="lora-misfit",
            remedy="choose the base it was trained on",
        ) from error
    refuse_endless(file)
    if found.contradicted:
        raise InputError(
            f"of {len(found.contradicted)} layers its settings say another rank than the matrices have ({found.contradicted[0]}), so "
            "that nothing tells their scale",
            reason="lora-tensors",
            remedy="correct r or rank_pattern, in adapter_config.json or the header",
        )
    return found


def _refuse_sizes(base: Base, found: LoraLayers) -> None:
    wrong: list[str] = []
    for name, (outputs, inputs) in _sizes(base, found).items():
        expected = _widths(layer_of(base, name))
        if any(given not in (None, one) for given, one in zip((outputs, inputs), expected, strict=True)):
            wrong.append(f"{name} is {outputs} x {inputs} there, and {expected[0]} x {expected[1]} in it")
    if wrong:
        raise InputError(
            f"{len(wrong)} of {len(found.layers)} layers do not have the sizes of the base {base.name}: {wrong[0]}",
            reason="lora-misfit",
            remedy="train it on this base, or choose the base it was trained on",
        )


def _sizes(base: Base, found: LoraLayers) -> dict[str, tuple[int | None, int | None]]:
    """Outputs and inputs of a file's layers, as far as its tensors tell."""
    sizes: dict[str, tuple[int | None, int | None]] = {}
    for name, parts in found.layers.items():
        layer = layer_of(base, name)
        _, outputs, inputs = size_of({part: tensor.shape for part, tensor in parts.items()})
        if "lokr_w2_b" in parts and isinstance(layer, nn.Conv2d) and inputs is not None:
            inputs //= math.prod(layer.kernel_size)
        sizes[name] = outputs, inputs
    return sizes


def _widths(layer: Any) -> tuple[int, int]:
    """Outputs and inputs of a layer, whatever its numbers are packed in."""
    layer = getattr(layer, "base_layer", layer)
    conv = isinstance(layer, nn.Conv2d)
    return (layer.out_channels, layer.in_channels) if conv else (layer.out_features, layer.in_features)


def _unknown(error: LikenessError, layers: int) -> float:
    """How little of a file is known, for the refusal that helps most: what is broken in a known layer comes first, and that a
    folder is of another class comes last but for nothing known."""
    count = str(error).partition(" ")[0]
    if error.reason == "lora-class":
        return layers - 0.5
    return int(count) if error.reason == "lora-names" and count.isdigit() else 0


def compare_sizes(base: Base, found: LoraLayers) -> int:
    """How many layers have the published base's numbers of inputs and outputs.

    Raises:
        InputError: `lora-tensors`: most have one and not the other, so they are of another base whose layers are called alike.
    """
    same, halves = 0, list[str]()
    for name, given in _sizes(base, found).items():
        published = _widths(layer_of(base, name))
        same += given == published
        if (given[0] == published[0]) != (given[1] == published[1]):
            halves.append(f"{name} is {given[0]} x {given[1]} and not {published[0]} x {published[1]}")
    if 2 * len(halves) > len(found.layers):
        raise InputError(
            f"{len(halves)} of {len(found.layers)} layers are of another base than {base.TITLE}: {halves[0]}",
            reason="lora-tensors",
            remedy="keep the file as it is",
        )
    return same
