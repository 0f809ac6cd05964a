# pyright: basic
# (diffusers schedulers are not typed)
"""What a base in discrete steps predicts, by all that says so: its file's keys and header, its configuration.

Sources (read 2026-11): ComfyUI, comfy/supported_models.py (empty tensors `v_pred`, `ztsnr`, `edm_mean`,
`edm_vpred.sigma_max` of a single file); ModelSpec 1.0.1 (`modelspec.prediction_type`: epsilon, v); sd-scripts
(`ss_v_parameterization`, `ss_zero_terminal_snr`).
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from likeness.diffusion.config import ZERO_SNR
from likeness.diffusion.loss import Prediction
from likeness.errors import ConfigError, without_control

# Words of ModelSpec and of those who write it otherwise, without what is no letter.
MODELSPEC: Mapping[str, Prediction] = {
    **dict.fromkeys(("epsilon", "eps", "epsilonprediction", "epspred", "noise"), "epsilon"),
    **dict.fromkeys(("v", "vprediction", "vpred", "velocity"), "v_prediction"),
}
# What schedulers' classes are for that noise neither noise nor v, by how their names begin.
OTHERS = {"FlowMatch": "a flow", "EDM": "edm"}
YES = ("true", "1", "yes")
NOTHING = ("none", "null", "unknown")  # words of programs that had nothing to say
SHOWN = 80  # characters of a stranger's word
SCHEDULER = "scheduler_config.json"


@dataclass(frozen=True, kw_only=True)
class Markers:
    """What weights files say: a prediction by who says it, whether the schedule ends in pure noise, what the attention reads of
    a token, and which base they are of (ModelSpec); `packed` is how their numbers are packed, where they are."""

    predictions: Mapping[str, str] = field(default_factory=dict[str, str])
    zero_snr: bool = False
    token_width: int | None = None
    packed: str | None = None
    architecture: str | None = None


def read_markers(files: Iterable[Path]) -> Markers:
    """The markers of .safetensors files; those that are none are left to the loader."""
    predictions: dict[str, str] = {}
    zero_snr, width, packed, architecture = False, None, None, None
    for file in files:
        try:
            with safe_open(file, framework="numpy") as opened:
                keys, metadata = set(opened.keys()), opened.metadata() or {}
                attention = next((key for key in sorted(keys) if key.endswith("attn2.to_k.weight")), None)
                if attention:
                    weights = opened.get_slice(attention)
                    width, kind = weights.get_shape()[1], weights.get_dtype()
                    packed = f"whole numbers ({kind})" if kind[:1] in "IU" else packed
                scaled = any(key.endswith((".scale_weight", ".weight_scale", "scaled_fp8")) for key in keys)
                packed = "fp8 with scales beside it (ComfyUI's scaled fp8)" if scaled else packed
                architecture = architecture or metadata.get("modelspec.architecture")
        except (OSError, SafetensorError, IndexError):
            continue
        for key in ("edm_mean", "edm_vpred.sigma_max"):
            if key in keys:
                predictions[f"the key {key} of {file.name}"] = "edm"
        if "v_pred" in keys:
            predictions[f"the key v_pred of {file.name}"] = "v_prediction"
        if "ztsnr" in keys or _yes(metadata, "ss_zero_terminal_snr"):
            zero_snr = True
            # In pure noise there is nothing that predicting the noise would teach.
            predictions[f"ztsnr of {file.name}"] = "v_prediction"
        said = metadata.get("modelspec.prediction_type", "").strip()
        word = "".join(filter(str.isalpha, said.lower()))
        if said and word not in NOTHING:
            told = MODELSPEC.get(word, without_control(said)[:SHOWN])
            predictions[f"modelspec.prediction_type of {file.name}"] = told
        if _yes(metadata, "ss_v_parameterization"):
            predictions[f"ss_v_parameterization of {file.name}"] = "v_prediction"
    return Markers(
        predictions=predictions,
        zero_snr=zero_snr,
        token_width=width,
        packed=packed,
        architecture=architecture,
    )


def scheduler_class(folder: Path | None) -> str:
    """The class that a folder's scheduler_config.json names, of which model_index.json may name another; empty without one."""
    try:
        found = json.loads((folder / "scheduler" / SCHEDULER).read_bytes())["_class_name"] if folder else ""
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def _yes(metadata: Mapping[str, str], key: str) -> bool:
    return metadata.get(key, "").lower() in YES


def settle_prediction(
    pipeline: Any, markers: Markers, *, configured: str | None, named: str, wanted: Prediction | None
) -> None:
    """Give the pipeline's scheduler what the base predicts. `configured` names whose configuration its own is, if that
    counts, and `named` is the class that it names; `wanted` is base.prediction, which overrides what others say.

    Raises:
        ConfigError: `base-prediction`: two of them say different things.
    """
    scheduler = pipeline.scheduler
    said = dict(markers.predictions)
    if configured is not None:
        names = (type(scheduler).__name__, named)
        others = (word for start, word in OTHERS.items() if any(one.startswith(start) for one in names))
        usual = str(scheduler.config.get("prediction_type", "epsilon"))
        said[f"{SCHEDULER} of {configured}"] = next(others, usual)
        if scheduler.config.get("rescale_betas_zero_snr"):
            said[f"rescale_betas_zero_snr in {SCHEDULER} of {configured}"] = "v_prediction"
    told = "; ".join(f"{who} says {what}" for who, what in said.items())
    if wanted is None and len(set(said.values())) > 1:
        raise ConfigError(
            f"what the base predicts is contradictory: {told}",
            reason="base-prediction",
            remedy="set base.prediction: epsilon or v_prediction, as the model's page says, or give the model's own base.config",
        )
    if wanted is not None and set(said.values()) - {wanted}:
        sys.stderr.write(f"base.prediction: {wanted} overrides: {told}\n")
    prediction = wanted or next(iter(said.values()), None)
    changes: dict[str, Any] = {} if prediction is None else {"prediction_type": prediction}
    if markers.zero_snr and prediction == "v_prediction":
        changes |= ZERO_SNR
    elif scheduler.config.get("rescale_betas_zero_snr"):
        changes["rescale_betas_zero_snr"] = prediction == "v_prediction"
    # DDIM knows both settings; SD 1.5's own scheduler knows one, and carries the other without a word.
    lost = not changes.keys() <= signature(type(scheduler)).parameters.keys()
    if lost or any(scheduler.config.get(key) != value for key, value in changes.items()):
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        kind = DDIMScheduler if lost else type(scheduler)
        pipeline.scheduler = kind.from_config(scheduler.config, **changes)
