"""The names of a LoRA's layers and tensors in files, for every kind: Kohya's, which ComfyUI and A1111 read, or
diffusers'.

Kohya: `LAYER.lora_down.weight` [r,in], `.lora_up.weight` [out,r] and a scalar `.alpha`; DoRA has a `.dora_scale` [out,1]
beside them (of the norm over each output's inputs, LyCORIS' `wd_on_output`), LoKr `.lokr_w1` and `.lokr_w2`, or
`.lokr_w2_a` [out2,r] and `.lokr_w2_b` [r,in2]. Readers scale by alpha / r; a LoKr without r has no scale.
diffusers: `unet.LAYER.lora_A.weight`, as PEFT calls them; here with the scale in the upper matrix.
How a file calls LAYER, the base's family knows: `lora_unet_` and diffusers' name with its dots replaced, `diffusion_model.`
or `transformer.` and that name as it is. No torch is imported before it computes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from likeness.errors import InputError
from likeness.lora.kinds import kinds
from likeness.lora.kinds.lora import Lora

if TYPE_CHECKING:
    from torch import Tensor

    from likeness.diffusion.bases import Base

REMEDY = "give a LoRA, DoRA or LoKr as Kohya's trainers, diffusers, PEFT, OneTrainer, ai-toolkit or SimpleTuner write it"

KOHYA = {peft: file for kind in kinds().values() for peft, file in kind.TENSORS.items()}
MATRICES = tuple(Lora.TENSORS)
# Ends of names of tensors that diffusers' pipelines drop or refuse.
_DIRECT = [kind for kind in kinds().values() if not kind.IN_PIPELINES]
UNREAD = tuple(f".{file}" for kind in _DIRECT for peft, file in kind.TENSORS.items() if peft not in MATRICES)
SCALED = {kind.SCALED for kind in kinds().values()}
RANKED = {kind.RANKED for kind in kinds().values()}
MAGNITUDE = "lora_magnitude_vector.weight"
# LyCORIS' kernel of a convolution between two of one pixel, its `use_tucker`; read into the lower matrix.
MID = "lora_mid.weight"
# Rounding these would lose more than the file would gain.
EXACT = ("alpha", MAGNITUDE)
# Kinds that are told and not read, by a part of the names of their tensors.
NOT_READ = {"hada_w1": "LoHa", "oft_": "OFT", "glora": "GLoRA"}
# Ends of tensors' names in files of any trainer, by PEFT's name of the tensor; `.default` is an adapter's name, and
# `_lora.down`, `.lora.down` and `lora_linear_layer` are diffusers' before PEFT.
ENDS = {
    "lora_A.weight": r"(?:\.lora_(?:down|A)(?:\.(?!bias\Z)\w+)??|[._]lora\.down|\.lora_linear_layer\.down)(?:\.weight)?",
    "lora_B.weight": r"(?:\.lora_(?:up|B)(?:\.(?!bias\Z)\w+)??|[._]lora\.up|\.lora_linear_layer\.up)(?:\.weight)?",
    MAGNITUDE: r"\.(?:dora_scale|magnitude|lora_magnitude_vector(?:\.\w+)??(?:\.weight)?)",
    MID: r"\.lora_mid\.weight",
    **{part: rf"\.{part}" for part in kinds()["lokr"].TENSORS},
    "alpha": r"\.alpha",
}
_ENDS = "|".join(f"(?P<p{number}>{end})" for number, end in enumerate(ENDS.values()))
END = re.compile(rf"(?:{_ENDS})\Z")


def part_of(name: str) -> tuple[str, str] | None:
    """(layer, part) of a tensor's name in any form, the part by PEFT's name or `alpha`; None if it has none of these."""
    if not (found := END.search(name)) or not found.start():
        return None
    return name[: found.start()], list(ENDS)[int(str(found.lastgroup)[1:])]


def split(name: str) -> tuple[str, str]:
    """As `part_of`; InputError `lora-names` in place of None."""
    if (found := part_of(name)) is None:
        kind = next((f", but of a {kind}" for part, kind in NOT_READ.items() if part in name), "")
        raise InputError(
            f"{name} is not a tensor of a LoRA, DoRA or LoKr that is known here{kind}",
            reason="lora-names",
            remedy=REMEDY,
        )
    return found


def by_layer(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors by layer and part; InputError `lora-names` also where two are the same part of one layer."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        layer, part = split(name)
        if part in layers.setdefault(layer, {}):
            what = f"{layer} has two tensors that are its {part}"
            raise InputError(what, reason="lora-names", remedy=REMEDY)
        if name.endswith(".dora_scale") and of_inputs(tensor.shape):
            raise InputError(
                f"{layer} has magnitudes of its {tensor.numel()} inputs (OneTrainer without dora_on_output, LyCORIS without "
                "wd_on_output), and diffusers' DoRA has those of outputs alone",
                reason="lora-tensors",
                remedy="keep the file as it is: ComfyUI reads it",
            )
        layers[layer][part] = tensor
    return layers


def unread_by_comfyui(names: Iterable[str]) -> int:
    """Of a file's tensors those that ComfyUI does not look for: a UNet's attention under diffusers' names."""
    return sum(name.startswith("unet.") and ".to_" in name for name in names)


def of_inputs(shape: Sequence[int]) -> bool:
    """Whether a `dora_scale` is [1,in,..], not [out,1,..]."""
    return len(shape) > 1 and shape[0] == 1 < math.prod(shape)


def file_tensors(
    family: type[Base], layer: str, parts: Mapping[str, Tensor], alpha: float
) -> dict[str, Tensor]:
    """A layer's tensors as the family's files have them; `parts` by PEFT's names, the scale is alpha / rank."""
    import torch

    rank = rank_of(parts)
    scale = 1.0 if family.FILE_ALPHA or rank is None else alpha / rank
    tensors = {"alpha": torch.tensor(alpha, dtype=torch.float32)} if family.FILE_ALPHA else {}
    for part, tensor in parts.items():
        name = KOHYA[part] if family.FILE_ALPHA or part not in MATRICES else part
        tensors[name] = kohya_form(part, tensor) * (scale if part in SCALED else 1.0)
    return {f"{family.file_layer(layer)}.{name}": tensor for name, tensor in tensors.items()}


def rank_of(parts: Mapping[str, Tensor]) -> int | None:
    """The rank of a layer, by PEFT's names of its tensors; None where its factors are whole."""
    return next((len(parts[part]) for part in RANKED if part in parts), None)


def size_of(shapes: Mapping[str, Sequence[int]]) -> tuple[int | None, int | None, int | None]:
    """The rank of a layer, its outputs and its inputs, by the shapes of its tensors; None where they do not tell. Of a convolution
    whose LoKr is decomposed, inputs are counted for each pixel of the kernel."""
    matrix = {part: shape for part, shape in shapes.items() if len(shape) > 1}
    rank = next((matrix[part][0] for part in RANKED if part in matrix), None)
    if "lora_A.weight" in matrix:
        factor, up, down = (1, 1), matrix.get("lora_B.weight"), matrix["lora_A.weight"]
    else:
        factor, whole = matrix.get("lokr_w1"), matrix.get("lokr_w2")
        up, down = whole or matrix.get("lokr_w2_a"), whole or matrix.get("lokr_w2_b")
    outputs = factor[0] * up[0] if factor and up else None
    return rank, outputs, factor[1] * down[1] if factor and down else None


def kohya_form(part: str, tensor: Tensor) -> Tensor:
    """PEFT's tensor as a Kohya file has it: magnitudes [out] or [1,out,1,1] become [out,1] or [out,1,1,1]."""
    if part != MAGNITUDE:
        return tensor
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor.transpose(0, 1)


def peft_form(part: str, tensor: Tensor) -> Tensor:
    """The inverse of `kohya_form`, which leaves what is in PEFT's form already."""
    if part != MAGNITUDE or tensor.ndim == 1 or (tensor.ndim == 4 and tensor.shape[0] == 1):
        return tensor
    return tensor.squeeze(1) if tensor.ndim == 2 else tensor.transpose(0, 1)


def diffusers_tensors(
    layers: Mapping[str, Mapping[str, Tensor]], scales: Mapping[str, float]
) -> dict[str, Tensor]:
    """Layers PART.LAYER under diffusers' names, with their scales in the tensors."""
    return {
        f"{layer}.{part}": tensor * scales.get(layer, 1.0) if part in SCALED else tensor
        for layer, parts in layers.items()
        for part, tensor in parts.items()
    }


def said_base(metadata: Mapping[str, str], config: Mapping[str, Any] | None = None) -> str | None:
    """The base that a file's metadata name, or adapter_config.json, in the words of whoever wrote it."""
    named = metadata.get("modelspec.architecture") or metadata.get("ss_base_model_version")
    path = (config or {}).get("base_model_name_or_path")
    return named or (path if isinstance(path, str) and path else None)


def file_settings(tensors: Mapping[str, Tensor], part: str) -> dict[str, object] | None:
    """What PEFT needs to know to hold these diffusers tensors of one part, beside themselves."""
    layers = by_layer({name: tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")})
    return next(filter(None, (kind.file_settings(layers, part) for kind in kinds().values())), None)
