# pyright: basic
# (a stranger's JSON is not typed)
"""By how much readers scale each layer of a LoRA file; the only place that decides it.

What counts is what readers do (read 2026-11): ComfyUI (comfy/lora.py) and sd-scripts (networks/lora.py) know the tensor
`LAYER.alpha` alone. diffusers 0.42 (loaders/peft.py) takes that tensor, too; only where a file has none it takes PEFT's
settings from the header's `lora_adapter_metadata` (`PART.lora_alpha`, `PART.r`, ...), as PEFT takes them from
adapter_config.json. Else the scale is 1. Flat keys of the header (`ss_network_alpha`, `alpha`, ...) scale nothing.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ADAPTER_METADATA = "lora_adapter_metadata"
# Flat header keys of alpha, and the rank that belongs to each.
FLAT = (("ss_network_alpha", "ss_network_dim"), ("network_alpha", "network_dim"), ("lora_alpha", "r"),
        ("alpha", "rank"), ("lora_alpha", "lora_rank"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scales:
    """The scale of each layer as readers apply it, and what a person should know about it."""

    by_layer: Mapping[str, float]
    problems: tuple[str, ...]


def read_scales(
    ranks: Mapping[str, int],
    alphas: Mapping[str, float],
    metadata: Mapping[str, str],
    config: Mapping[str, Any] | None = None,
) -> Scales:
    """The scales of layers of these `ranks`; `alphas` are tensors' values, `config` is adapter_config.json's content."""
    problems: list[str] = []
    settings = dict(config) if config is not None else _adapter_settings(metadata, problems)
    scales = dict.fromkeys(ranks, 1.0)
    if any(layer in alphas for layer in ranks):
        scales |= {layer: alphas[layer] / rank for layer, rank in ranks.items() if rank and layer in alphas}
    elif settings:
        scales = {layer: _setting(layer, rank, settings) for layer, rank in ranks.items()}
        if config is None and any(scale != 1 for scale in scales.values()):
            problems.append(
                f"only {ADAPTER_METADATA} holds its scale: diffusers loads it at {_words(scales)}, ComfyUI and A1111 at 1 "
                "(`likeness convert --to kohya` makes it the same everywhere)"
            )
    problems += _unread(ranks, scales, metadata)
    if any(not math.isfinite(scale) for scale in scales.values()):
        problems.append("a layer's scale is infinite or no number: it draws black pictures")
    elif any(not scale > 0 for scale in scales.values()):
        problems.append("a layer's alpha is not positive: it does nothing, or the opposite")
    return Scales(by_layer=scales, problems=tuple(problems))


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


def _setting(layer: str, rank: int, settings: Mapping[str, Any]) -> float:
    """PEFT's scale of a layer; settings are by part in diffusers' files, and bare in PEFT's."""
    part, _, name = layer.partition(".")
    own = {
        key.removeprefix(f"{part}."): value for key, value in settings.items() if key.startswith(f"{part}.")
    }
    if not own and not any("." in key for key in settings):
        own, name = settings, layer
    alpha = own.get("lora_alpha", own.get("alpha"))
    patterns = own.get("alpha_pattern")
    for pattern, value in (patterns if isinstance(patterns, dict) else {}).items():
        # PEFT takes patterns for regular expressions; a stranger's could run for ever, and all trainers write names.
        if f".{name}".endswith(f".{pattern.removeprefix('^')}"):
            alpha = value
    if not isinstance(alpha, int | float) or not rank:
        return 1.0
    try:
        return float(alpha) / (math.sqrt(rank) if own.get("use_rslora") else rank)
    except OverflowError:  # JSON's whole numbers have no end
        return math.inf


def _unread(ranks: Mapping[str, int], scales: Mapping[str, float], metadata: Mapping[str, str]) -> list[str]:
    """Flat keys of the header that say another scale than readers apply."""
    for alpha_key, rank_key in FLAT:
        alpha = _number(metadata.get(alpha_key))
        rank = _number(metadata.get(rank_key)) or next(iter(ranks.values()), 0)
        applied = set(scales.values())
        if (
            alpha is not None
            and rank
            and math.isfinite(alpha / rank)
            and len(applied) == 1
            and not math.isclose(alpha / rank, *applied, rel_tol=1e-3)
        ):
            return [
                f"the header says {alpha_key} {alpha:g} at rank {rank:g}, a scale of {alpha / rank:g}; "
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
