# pyright: basic
# (a stranger's JSON is not typed)
"""The scale at which readers load each layer of a LoRA file; the only place that decides it.

What counts is what readers do (read 2026-11): ComfyUI (comfy/lora.py) and sd-scripts (networks/lora.py) know the tensor
`LAYER.alpha` alone. diffusers 0.42 (loaders/peft.py) takes that tensor, too; only where a file has none it takes PEFT's
settings from the header's `lora_adapter_metadata` (`PART.lora_alpha`, `PART.r`, ...), as PEFT takes them from
adapter_config.json. Else the scale is 1. Flat keys of the header (`ss_network_alpha`, `alpha`, ...) scale nothing.
"""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from likeness.lora.patterns import Patterns

ADAPTER_METADATA = "lora_adapter_metadata"
# What PEFT 0.21 takes where its settings do not say.
PEFT_ALPHA = 8
PARTS = {"unet", "transformer", "text_encoder", "text_encoder_2"}  # as diffusers' settings call them
NO_RANK = -1  # stands for what PEFT refuses as one
# Flat header keys of alpha, and the rank that belongs to each.
FLAT = (("ss_network_alpha", "ss_network_dim"), ("network_alpha", "network_dim"), ("lora_alpha", "r"),
        ("alpha", "rank"), ("lora_alpha", "lora_rank"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scales:
    """The scale of each layer as readers apply it, and what a person should know about it; `contradicted` are the layers of which
    PEFT's settings say another rank than their matrices have."""

    by_layer: Mapping[str, float]
    problems: tuple[str, ...]
    contradicted: tuple[str, ...] = ()


def read_scales(
    ranks: Mapping[str, int | None],
    alphas: Mapping[str, float],
    metadata: Mapping[str, str],
    config: Mapping[str, Any] | None = None,
) -> Scales:
    """The scales of layers of these `ranks`, None where a LoKr's factors are whole; `alphas` are tensors' values, `config` is
    adapter_config.json's content."""
    problems: list[str] = []
    other: list[str] = []
    settings = dict(config) if config is not None else _adapter_settings(metadata, problems)
    scales = dict.fromkeys(ranks, 1.0)
    if any(layer in alphas for layer in ranks):
        scales |= {layer: alphas[layer] / rank for layer, rank in ranks.items() if rank and layer in alphas}
    elif settings:
        found = _settings(ranks, settings)
        scales = {layer: scale for layer, (scale, _) in found.items()}
        other = [layer for layer, (_, said) in found.items() if said and ranks[layer] not in (None, said)]
        if other:
            problems.append(
                f"of {len(other)} layer(s) its settings say another rank than the matrices have: PEFT does not load them"
            )
        parts = {layer.partition(".")[0] for layer in ranks if config is None} & PARTS
        if lacking := sorted(part for part in parts if f"{part}.target_modules" not in settings):
            problems.append(
                f"{ADAPTER_METADATA} names no target_modules of the {' and the '.join(lacking)}: diffusers does not load the file"
            )
        finite = all(map(math.isfinite, scales.values()))
        if config is None and finite and any(scale != 1 for scale in scales.values()):
            problems.append(
                f"only {ADAPTER_METADATA} holds its scale: diffusers {'would load' if lacking else 'loads'} it at "
                f"{_words(scales)}, ComfyUI and A1111 at 1 "
                "(`likeness convert --to kohya` makes it the same everywhere)"
            )
    ranked = {layer: rank for layer, rank in ranks.items() if rank}
    problems += _unread(ranked, {layer: scales[layer] for layer in ranked}, metadata)
    if any(not math.isfinite(scale) for scale in scales.values()):
        problems.append(
            "a layer's scale is infinite or not a number: readers refuse it or draw black pictures"
        )
    elif any(not scale > 0 for scale in scales.values()):
        problems.append("a layer's alpha is not positive: it does nothing, or the opposite")
    return Scales(by_layer=scales, problems=tuple(problems), contradicted=tuple(other))


def say_scale(metadata: dict[str, str], alpha: float | None, ranks: Collection[int | None]) -> None:
    """Have the flat keys that a header has say what its tensors now are; None for an alpha that is each layer's rank."""
    rank = str(next(iter(ranks))) if len(ranks) == 1 else "Dynamic"
    for alpha_key, rank_key in FLAT:
        if alpha_key in metadata:
            metadata[alpha_key] = rank if alpha is None else str(alpha)
        if rank_key in metadata:
            metadata[rank_key] = rank


def _adapter_settings(metadata: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    if not (text := metadata.get(ADAPTER_METADATA)):
        return {}
    try:
        settings = json.loads(text)
        if isinstance(settings, dict):
            return settings
    except (ValueError, RecursionError):
        pass
    problems.append(f"{ADAPTER_METADATA} is no JSON object: diffusers does not load the file")
    return {}


def _settings(
    ranks: Mapping[str, int | None], settings: Mapping[str, Any]
) -> dict[str, tuple[float, int | None]]:
    """PEFT's scale of each layer, NaN where it takes none, and the rank that it expects; settings are by part in diffusers'
    files, and bare in PEFT's."""
    parts: dict[str, tuple[Mapping[str, Any], Patterns, Patterns]] = {}
    found: dict[str, tuple[float, int | None]] = {}
    for layer, rank in ranks.items():
        part = layer.partition(".")[0]
        if part not in parts:
            of_part = [key for key in settings if key.startswith(f"{part}.")]
            own: Mapping[str, Any] = {key.removeprefix(f"{part}."): settings[key] for key in of_part}
            if not own and not any("." in key for key in settings):
                own = settings
            parts[part] = own, Patterns(own.get("alpha_pattern")), Patterns(own.get("rank_pattern"))
        own, alphas, said_ranks = parts[part]
        said = said_ranks.value(layer, own.get("r"))
        if said is not None and (type(said) is not int or said < 1):
            said = NO_RANK
        alpha = alphas.value(layer, own.get("lora_alpha", own.get("alpha", PEFT_ALPHA)))
        scale = _scale(alpha, rank or max(said or 0, 0), stabilized=bool(own.get("use_rslora")))
        found[layer] = scale if own else 1.0, said
    return found


def _scale(alpha: Any, rank: int | None, *, stabilized: bool) -> float:
    if not rank:
        return 1.0
    if not isinstance(alpha, int | float) or isinstance(alpha, bool):
        return math.nan
    try:
        return float(alpha) / (math.sqrt(rank) if stabilized else rank)
    except OverflowError:  # JSON's whole numbers have no end
        return math.inf


def _unread(ranks: Mapping[str, int], scales: Mapping[str, float], metadata: Mapping[str, str]) -> list[str]:
    """Flat keys of the header that say another scale than readers apply."""
    applied = set(scales.values())
    for alpha_key, rank_key in FLAT if len(applied) == 1 else ():
        alpha = _number(metadata.get(alpha_key))
        rank = _number(metadata.get(rank_key)) or next(iter(ranks.values()), 0)
        said = math.inf if alpha is None or not rank else alpha / rank
        if math.isfinite(said) and not math.isclose(said, *applied, rel_tol=1e-3):
            return [
                f"the header says {alpha_key} {alpha:g} at rank {rank:g}, a scale of {said:g}; "
                f"no reader looks there, and all load it at {_words(scales)}"
            ]
    return []


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _words(scales: Mapping[str, float]) -> str:
    return ", ".join(f"{scale:g}" for scale in sorted(set(scales.values()))[:3])
