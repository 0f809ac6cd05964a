"""How files call a LoRA's layers and tensors, of every kind: as Kohya's trainers do, which ComfyUI and A1111 read, or as diffusers.

Kohya: `LAYER.lora_down.weight` [r,in], `.lora_up.weight` [out,r] and a scalar `.alpha`; DoRA has a `.dora_scale` [out,1]
beside them (of the norm over each output's inputs, LyCORIS' `wd_on_output`), LoKr `.lokr_w1` and `.lokr_w2`, or
`.lokr_w2_a` [out2,r] and `.lokr_w2_b` [r,in2]. Readers scale by alpha / r; a LoKr without r has no scale.
diffusers: `unet.LAYER.lora_A.weight`, as PEFT calls them; here with the scale in the upper matrix.
How a file calls LAYER, the base's family knows: `lora_unet_` and diffusers' name with its dots replaced, `diffusion_model.`
or `transformer.` and that name as it is.
"""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.families import bases
from likeness.errors import InputError
from likeness.lora.kinds import kinds
from likeness.lora.kinds.lora import Lora

REMEDY = "give a file that likeness or another trainer on diffusers made"

KOHYA = {peft: file for kind in kinds().values() for peft, file in kind.TENSORS.items()}
DIFFUSERS = {kohya: peft for peft, kohya in KOHYA.items()}
MATRICES = tuple(Lora.TENSORS)
# Ends of names of tensors that diffusers' pipelines drop or refuse.
UNREAD = tuple(
    f".{file}"
    for kind in kinds().values()
    if not kind.IN_PIPELINES
    for peft, file in kind.TENSORS.items()
    if peft not in MATRICES
)
SCALED = {kind.SCALED for kind in kinds().values()}
PEFT_RANKED = {kind.RANKED for kind in kinds().values()}
RANKED = PEFT_RANKED | {KOHYA[part] for part in PEFT_RANKED}
# Rounding these would lose more than the file would gain.
EXACT = ("alpha", "dora_scale")


def kohya_prefixes() -> tuple[str, ...]:
    """How names begin that are not diffusers'."""
    named = (item for base in bases().values() for item in base.FILE_PREFIXES.items())
    return tuple(prefix for part, prefix in named if prefix != f"{part}.")


def family_of(layers: Collection[str]) -> type[Base]:
    """A base that has these layers PART.LAYER, best one whose blocks they lie in; InputError `lora-names` if there is none."""
    parts = {layer.partition(".")[0] for layer in layers}
    fitting = [base for base in bases().values() if parts <= base.FILE_PREFIXES.keys()]
    ranked = sorted(
        fitting,
        key=lambda base: not any(layer.partition(".")[2].startswith(base.BLOCKS) for layer in layers),
    )
    if not ranked:
        raise InputError(
            f"no base has the parts {', '.join(sorted(parts))}", reason="lora-names", remedy=REMEDY
        )
    return ranked[0]


def file_tensors(
    family: type[Base], layer: str, parts: Mapping[str, Tensor], alpha: float
) -> dict[str, Tensor]:
    """A layer's tensors as the family's files have them; `parts` by PEFT's names, the scale is alpha / rank."""
    rank = next((len(parts[part]) for part in PEFT_RANKED if part in parts), None)
    scale = 1.0 if family.FILE_ALPHA or rank is None else alpha / rank
    tensors = {"alpha": torch.tensor(alpha, dtype=torch.float32)} if family.FILE_ALPHA else {}
    for part, tensor in parts.items():
        name = KOHYA[part] if family.FILE_ALPHA or part not in MATRICES else part
        tensors[name] = kohya_form(part, tensor) * (scale if part in SCALED else 1.0)
    return {f"{family.file_layer(layer)}.{name}": tensor for name, tensor in tensors.items()}


def diffusers_layer(name: str) -> str:
    """diffusers' PART.LAYER of a file's name; InputError `lora-names` if it is another naming's."""
    layer = next(filter(None, (base.diffusers_layer(name) for base in bases().values())), None)
    if layer is None:
        raise InputError(
            f"the layer {name} is not called as diffusers calls it", reason="lora-names", remedy=REMEDY
        )
    return layer


def split(name: str) -> tuple[str, str]:
    """(layer, part) of a tensor's name in either form; InputError `lora-names` if it has none of these parts."""
    for part in (*KOHYA, *DIFFUSERS, "alpha"):
        if name.endswith(f".{part}"):
            return name.removesuffix(f".{part}"), part
    raise InputError(f"{name} is no tensor of a LoRA, DoRA or LoKr that is known here", reason="lora-names",
                     remedy="give a file with Kohya's or diffusers' names")  # fmt: skip


def by_layer(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """The tensors by layer and part."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        layer, part = split(name)
        layers.setdefault(layer, {})[part] = tensor
    return layers


def kohya_form(part: str, tensor: Tensor) -> Tensor:
    """PEFT's tensor as a Kohya file has it: magnitudes [out] or [1,out,1,1] become [out,1] or [out,1,1,1]."""
    if part != "lora_magnitude_vector.weight":
        return tensor
    return tensor.unsqueeze(1) if tensor.ndim == 1 else tensor.transpose(0, 1)


def diffusers_tensors(tensors: Mapping[str, Tensor], layer_of: Callable[[str], str]) -> dict[str, Tensor]:
    """A Kohya file's tensors under diffusers' names; `layer_of` tells PART.LAYER.

    Raises:
        InputError: `lora-names`, a tensor of another kind.
    """
    found: dict[str, Tensor] = {}
    for layer, parts in by_layer(tensors).items():
        rank = next((len(parts[part]) for part in RANKED if part in parts), None)
        scale = parts["alpha"].item() / rank if rank and "alpha" in parts else 1.0
        for part, tensor in parts.items():
            if part == "alpha":
                continue
            peft = DIFFUSERS.get(part, part)
            if peft in SCALED:
                tensor = (tensor.float() * scale).to(tensor.dtype)
            elif part == "dora_scale":
                tensor = tensor.squeeze(1) if tensor.ndim == 2 else tensor.transpose(0, 1)
            found[f"{layer_of(layer)}.{peft}"] = tensor
    return found


def file_settings(tensors: Mapping[str, Tensor], part: str) -> dict[str, object] | None:
    """What PEFT needs to know to hold these diffusers tensors of one part, beside themselves."""
    layers = by_layer(tensors)
    return next(filter(None, (kind.file_settings(layers, part) for kind in kinds().values())), None)
