# pyright: basic
# (diffusers pipelines and peft layers are not typed)
"""Which layer of a base each tensor of any trainer's file belongs to, by the base's own list of layers and nothing else.

A file's name of a layer is a word for the part, and diffusers' or the original name of the layer, with dots or
underscores. Sources (read 2026-11): sd-scripts networks/lora.py and library/sdxl_model_util.py; diffusers 0.42
loaders/lora_conversion_utils.py; ComfyUI comfy/lora.py; OneTrainer 23df383 modules/util/convert_lora_util.py (original
names bare or under `diffusion_model.`, `text_encoders.clip_l.transformer.`, `lora_transformer`; `clip_l` in earlier
files); ai-toolkit 27a03a9 toolkit/lora_special.py (`transformer.`, and `diffusion_model.` of Z-Image and FLUX.2);
SimpleTuner bc8e6ab helpers/training/lora_format.py (diffusers' names), and LyCORIS' (`lycoris_`).
"""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from inspect import signature
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from likeness.diffusion.bases import Base
from likeness.diffusion.families import bases
from likeness.errors import InputError, without_control
from likeness.lora.file import in_form, thirds, whole_layer
from likeness.lora.keys import REMEDY, by_layer, rank_of
from likeness.lora.safetensors_io import MAX_SHOWN, NAMES_SHOWN
from likeness.lora.scale import read_scales

# Words of other trainers for a part, beside those of the family and diffusers'.
NETWORK_WORDS = ("lora_unet_", "lora_transformer_", "diffusion_model_", "model_diffusion_model_", "lycoris_")
TEXT_WORDS = {
    "text_encoder": ("clip_l_", "text_encoders_clip_l_transformer_"),
    "text_encoder_2": ("clip_g_", "text_encoders_clip_g_transformer_"),
}
BARE = ("", "base_model_model_")  # PEFT's own, which name no part


@dataclass(frozen=True, kw_only=True)
class LoraLayers:
    """A file's layers PART.LAYER by PEFT's names of their tensors, in float32, and the scale that readers give each;
    `precision` is one rounding of the coarsest type in the file, `alike` the number of layers that are matrices or
    convolutions in the file as they are in the base, `contradicted` as in Scales."""

    layers: Mapping[str, Mapping[str, Tensor]]
    scales: Mapping[str, float]
    precision: float
    problems: tuple[str, ...]
    alike: int
    contradicted: tuple[str, ...] = ()


def read_layers(
    base: Base,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    config: Mapping[str, Any] | None = None,
) -> LoraLayers:
    """The layers of a file for this base; `config` is what a PEFT folder's adapter_config.json says.

    Raises:
        InputError: `lora-names`: a tensor or layer that is not known, or two that are the same; `lora-tensors`: a layer
            that lacks a tensor or whose tensors do not fit each other;
            `lora-ambiguous`: a layer that may be of two parts.
    """
    words, part = layer_words(base), _config_part(base, config)
    layers: dict[str, dict[str, Tensor]] = {}
    alphas: dict[str, float] = {}
    origins: dict[str, str] = {}
    unknown: list[str] = []
    alike = 0
    for name, parts in by_layer(tensors).items():
        if not (meant := _known(words, name, part)):
            unknown.append(name)
            continue
        whole, alpha = whole_layer(name, parts)
        for layer, read in zip(meant, thirds(name, whole) if len(meant) > 1 else [whole], strict=True):
            if layer in layers:
                what = f"{origins[layer]} and {name} are both {layer}"
                raise InputError(what, reason="lora-names", remedy=REMEDY)
            origins[layer] = name
            if alpha is not None:
                alphas[layer] = alpha
            layers[layer] = dict(in_form(name, read, layer_of(base, layer)))
            alike += all(tensor.shape == layers[layer][key].shape for key, tensor in read.items())
    if unknown:
        raise InputError(
            f"{len(unknown)} of {len(unknown) + len(layers)} layers are none of {base.TITLE}: "
            f"{', '.join(sorted(unknown)[:NAMES_SHOWN])}",
            reason="lora-names",
            remedy=REMEDY,
        )
    if not layers:
        raise InputError("the file holds no layer of a LoRA", reason="lora-names", remedy=REMEDY)
    scales = read_scales({layer: rank_of(parts) for layer, parts in layers.items()}, alphas, metadata, config)
    if endless := [layer for layer, scale in scales.by_layer.items() if not math.isfinite(scale)]:
        raise InputError(
            f"{endless[0]} has a scale that is infinite or not a number",
            reason="lora-tensors",
            remedy="correct lora_alpha or alpha_pattern, in adapter_config.json or the header",
        )
    kinds = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    return LoraLayers(
        layers=layers,
        scales=scales.by_layer,
        precision=max(torch.finfo(kind).eps for kind in kinds),
        problems=scales.problems,
        alike=alike,
        contradicted=scales.contradicted,
    )


def layer_words(base: Base) -> Mapping[str, Sequence[Sequence[str]]]:
    """For each name that a file may give a layer, dots as underscores, what it may mean: a layer PART.LAYER, or the three
    that the original code has as one."""
    parts = base.parts(text_encoders=bool(base.TEXT_ENCODERS))
    return _words(type(base), tuple((part, tuple(_layer_names(module))) for part, module in parts.items()))


@lru_cache(maxsize=16)  # of each family a few: the published base, and those that are loaded
def _words(
    family: type[Base], parts: tuple[tuple[str, tuple[str, ...]], ...]
) -> Mapping[str, Sequence[Sequence[str]]]:
    words: dict[str, list[Sequence[str]]] = {}
    for part, names in parts:
        network = part == family.NETWORK
        own = (family.FILE_PREFIXES[part].replace(".", "_"), f"{part}_")
        starts = {*own, *BARE, *(NETWORK_WORDS if network else TEXT_WORDS[part])}
        meant: list[tuple[str, Sequence[str]]] = []
        fused: dict[str, dict[int, str]] = {}
        for name in names:
            meant += [(alias, (f"{part}.{name}",)) for alias in {name, *family.other_names(part, name)}]
            if network and (found := family.fused_name(name)):
                fused.setdefault(found[0], {})[found[1]] = f"{part}.{name}"
        meant += [(alias, [of[place] for place in sorted(of)]) for alias, of in fused.items()]
        for alias, layers in meant:
            for start in starts:
                words.setdefault(start + alias.replace(".", "_"), []).append(layers)
    return words


def _layer_names(module: nn.Module) -> Iterator[str]:
    """Linear layers and convolutions; one that holds a LoRA is called as it is without."""
    adapted = "-"
    for name, layer in module.named_modules():
        if isinstance(layer, BaseTunerLayer):
            adapted = f"{name}."
            yield name
        elif isinstance(layer, nn.Linear | nn.Conv2d) and not name.startswith(adapted):
            yield name


def _known(words: Mapping[str, Sequence[Sequence[str]]], name: str, part: str | None) -> Sequence[str]:
    found = words.get(name.replace(".", "_"), ())
    if len(found) > 1 and part is None:
        raise InputError(
            f"{name} is a layer of {' and of '.join(layers[0].partition('.')[0] for layers in found)}",
            reason="lora-ambiguous",
            remedy="give PEFT's folder with its adapter_config.json, which says whose it is",
        )
    return next((layers for layers in found if part is None or layers[0].startswith(f"{part}.")), ())


def _config_part(base: Base, config: Mapping[str, Any] | None) -> str | None:
    """The part that adapter_config.json says it is of."""
    mapping = (config or {}).get("auto_mapping")
    named = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    classes = {base.NETWORK_CLASS: base.NETWORK, **{kind: part for part, kind in base.TEXT_CLASSES.items()}}
    if named is not None and (not isinstance(named, str) or named not in classes):
        told = without_control(str(named))[:MAX_SHOWN]
        raise InputError(
            f"the folder is of a {told}, which {base.TITLE} does not have", reason="lora-class", remedy=REMEDY
        )
    return classes.get(named) if named else None


@cache
def skeleton(architecture: str) -> Base:
    """The published base of an architecture, layers without numbers: what a file is named and proved by."""
    import diffusers
    import transformers
    from transformers import CLIPTextConfig

    family = bases()[architecture]
    kinds: Any = diffusers
    text_kinds: Any = transformers
    with torch.device("meta"):
        network = getattr(kinds, family.NETWORK_CLASS).from_config(dict(family.PUBLISHED_NETWORK))
        parts = {family.NETWORK: network}
        for part in family.TEXT_ENCODERS:
            config = CLIPTextConfig(**family.PUBLISHED_TEXT[part])
            parts[part] = getattr(text_kinds, family.TEXT_CLASSES[part])(config)
    for module in parts.values():
        for layer in module.modules():
            for name, parameter in list(layer.named_parameters(recurse=False)):
                setattr(layer, name, _nothing(parameter.shape))
            for name, buffer in list(layer.named_buffers(recurse=False)):
                setattr(layer, name, torch.zeros(buffer.shape, dtype=buffer.dtype))
    pipeline = getattr(kinds, family.PIPELINE)
    others = {name: None for name, one in signature(pipeline).parameters.items() if one.default is one.empty}
    return family(
        name=family.TITLE,
        digest="",
        device=torch.device("cpu"),
        dtype=torch.float32,
        quantized=None,
        pipeline=pipeline(**others | parts | dict(family.LOAD_OPTIONS) | dict(family.TINY_OPTIONS)),
    )


@contextmanager
def fitted(base: Base, layers: Mapping[str, Mapping[str, Tensor]]) -> Generator[None]:
    """Inside, a skeleton's layers have the widths that a file's have: it may be for a base of the same names in other sizes."""
    before: list[tuple[nn.Module, str, Any]] = []
    try:
        for name, parts in layers.items():
            layer = layer_of(base, name)
            shape = _shape(parts, layer)
            if tuple(layer.weight.shape) != shape and len(shape) == layer.weight.ndim:
                of = "features" if len(shape) == 2 else "channels"
                fit = {"weight": _nothing(shape), f"out_{of}": shape[0], f"in_{of}": shape[1]}
                before += [(layer, one, getattr(layer, one)) for one in fit]
                for one, value in fit.items():
                    setattr(layer, one, value)
        yield
    finally:
        for layer, one, published in before:
            setattr(layer, one, published)


def _shape(parts: Mapping[str, Tensor], layer: nn.Module) -> tuple[int, ...]:
    """That of the weight that a file's tensors of a layer change."""
    if "lora_A.weight" in parts:
        shape = (len(parts["lora_B.weight"]), *parts["lora_A.weight"].shape[1:])
    else:
        first, second = parts["lokr_w1"], parts.get("lokr_w2")
        if second is None:
            second = parts["lokr_w2_a"] @ parts["lokr_w2_b"].flatten(1)
        shape = (first.shape[0] * second.shape[0], first.shape[1] * second.shape[1], *second.shape[2:])
    if len(shape) == 2 and isinstance(layer, nn.Conv2d):
        return (shape[0], shape[1] // math.prod(layer.kernel_size), *layer.kernel_size)
    return shape


def layer_of(base: Base, name: str) -> Any:
    """The module that a name PART.LAYER is of."""
    part, _, path = name.partition(".")
    return getattr(base.pipeline, part).get_submodule(path)


def _nothing(shape: Sequence[int]) -> nn.Parameter:
    return nn.Parameter(torch.zeros(()).expand(tuple(shape)), requires_grad=False)
