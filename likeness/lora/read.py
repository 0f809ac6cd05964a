# pyright: basic
# (torch and diffusers are typed in part)
"""The layers of a LoRA file of any trainer: for a base, or for the family that knows them."""

import re
from collections.abc import Mapping

from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.families import bases
from likeness.errors import InputError, LikenessError
from likeness.lora.export import load_plain
from likeness.lora.family import family_of_shapes, is_known
from likeness.lora.file import LoraFile
from likeness.lora.keys import REMEDY, by_layer, part_of, said_base
from likeness.lora.layers import SHOWN, LoraLayers, layer_of, read_layers, skeleton


def layers_for(base: Base, file: LoraFile) -> LoraLayers:
    """The file's layers as layers of this base; see `read_layers` for what it raises."""
    try:
        return read_layers(base, file.tensors, file.metadata, file.config)
    except InputError as error:
        taken_apart = {} if error.reason == "lora-ambiguous" else _taken_apart(base, file.tensors)
        if not taken_apart:
            raise
        return read_layers(base, taken_apart, file.metadata, file.config)


def family_layers(file: LoraFile) -> tuple[Base, LoraLayers]:
    """The layers by the family that knows them all; of several, that in whose forms and published sizes most of them are,
    and at last the one that the metadata name.

    Raises:
        InputError: none knows them (the refusal of the one that knows most), two know them by other names, or they have the
            shapes of a base that is none of the families'.
    """
    shapes = family_of_shapes({
        found[0]: tensor.shape[1]
        for name, tensor in file.tensors.items()
        if tensor.ndim > 1 and (found := part_of(name)) and found[1] == "lora_A.weight"
    })  # fmt: skip
    if shapes and not is_known(shapes):
        raise InputError(f"its layers are those of {shapes}, whose files are not converted here", reason="lora-names",
                         remedy="keep the file as it is")  # fmt: skip
    fitting: list[tuple[tuple[int, int, bool], Base, LoraLayers]] = []
    refusals: list[tuple[int, InputError]] = []
    for architecture in bases():
        base = skeleton(architecture)
        try:
            found = layers_for(base, file)
        except InputError as error:
            if error.reason == "lora-ambiguous":
                raise
            refusals.append((_unknown(error), error))
        else:
            named = re.search(base.SAID_AS, said_base(file.metadata) or "", re.IGNORECASE) is not None
            fitting.append(((found.alike, _widths(base, found), named), base, found))
    if not fitting:
        fewest, refusal = min(refusals, key=lambda one: one[0])
        layers = by_layer(file.tensors)
        if fewest < len(layers):
            raise refusal
        raise InputError(
            f"{fewest} of {fewest} layers are none of {', '.join(base.TITLE for base in bases().values())}: "
            f"{', '.join(sorted(layers)[:SHOWN])}", reason="lora-names", remedy=REMEDY,
        )  # fmt: skip
    most = max(likeness for likeness, _, _ in fitting)
    base, found = next((base, found) for likeness, base, found in fitting if likeness == most)
    if others := [
        other.TITLE
        for likeness, other, same in fitting
        if likeness == most
        and any(other.file_layer(layer) != base.file_layer(layer) for layer in same.layers)
    ]:
        raise InputError(
            f"the file's layers may be of {base.TITLE} or of {', '.join(others)}, whose files call them otherwise",
            reason="lora-names", remedy="give the file that was trained with the UNet's layers, too",
        )  # fmt: skip
    return base, found


def _taken_apart(base: Base, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A file of a base whose original layers are fused otherwise, as diffusers' own reader takes it apart; empty where it is
    none of the base's, or would lose magnitudes there."""
    if not base.FLOW or any(name.endswith("dora_scale") for name in tensors) or not load_plain(tensors):
        return {}
    try:
        found = base.pipeline.lora_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        read_layers(base, found, {})
    except (InputError, ValueError, KeyError, RuntimeError, IndexError, TypeError, AttributeError):
        return {}
    return found


def _unknown(error: LikenessError) -> int:
    """How little of a file is known, for the refusal that helps most: what is broken in a known layer comes first."""
    count = str(error).partition(" ")[0]
    return int(count) if error.reason == "lora-names" and count.isdigit() else 0


def _widths(base: Base, found: LoraLayers) -> int:
    """How many layers have the width that the published base has there."""
    return sum(
        parts["lora_A.weight"].shape[1] == layer_of(base, name).weight.shape[1]
        for name, parts in found.layers.items()
        if "lora_A.weight" in parts
    )
