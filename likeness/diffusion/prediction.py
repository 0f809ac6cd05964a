# pyright: basic
# (diffusers schedulers are not typed)
"""What a base in discrete steps predicts, by all that says so: its file's keys and header, its configuration.

Sources (read 2026-11): ComfyUI, comfy/supported_models.py (empty tensors `v_pred`, `ztsnr`, `edm_mean`,
`edm_vpred.sigma_max` of a single file); ModelSpec 1.0.1 (`modelspec.prediction_type`: epsilon, v); sd-scripts
(`ss_v_parameterization`, `ss_zero_terminal_snr`).
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from likeness.diffusion.config import ZERO_SNR
from likeness.diffusion.loss import Prediction
from likeness.errors import ConfigError

MODELSPEC: Mapping[str, Prediction] = {
    "epsilon": "epsilon", "eps": "epsilon", "v": "v_prediction", "v_prediction": "v_prediction", "v-prediction": "v_prediction",
}  # fmt: skip
SCHEDULER = "scheduler_config.json"


@dataclass(frozen=True, kw_only=True)
class Markers:
    """What weights files say: a prediction by who says it, whether the schedule ends in pure noise, and widths by layer."""

    predictions: Mapping[str, str]
    zero_snr: bool
    token_width: int | None


def read_markers(files: Iterable[Path]) -> Markers:
    """The markers of .safetensors files; those that are none are left to the loader."""
    predictions: dict[str, str] = {}
    zero_snr, width = False, None
    for file in files:
        try:
            with safe_open(file, framework="numpy") as opened:
                keys, metadata = set(opened.keys()), opened.metadata() or {}
                attention = next((key for key in sorted(keys) if key.endswith("attn2.to_k.weight")), None)
                width = opened.get_slice(attention).get_shape()[1] if attention else width
        except (OSError, SafetensorError, IndexError):
            continue
        for key in ("edm_mean", "edm_vpred.sigma_max"):
            if key in keys:
                predictions[f"the key {key} of {file.name}"] = "edm"
        if "v_pred" in keys:
            predictions[f"the key v_pred of {file.name}"] = "v_prediction"
        if "ztsnr" in keys or metadata.get("ss_zero_terminal_snr") == "True":
            zero_snr = True
            # In pure noise there is nothing that predicting the noise would teach.
            predictions[f"ztsnr of {file.name}"] = "v_prediction"
        if said := metadata.get("modelspec.prediction_type"):
            predictions[f"modelspec.prediction_type of {file.name}"] = MODELSPEC.get(said.lower(), said)
        if metadata.get("ss_v_parameterization") == "True":
            predictions[f"ss_v_parameterization of {file.name}"] = "v_prediction"
    return Markers(predictions=predictions, zero_snr=zero_snr, token_width=width)


def settle_prediction(
    pipeline: Any, markers: Markers, *, configured: str | None, wanted: Prediction | None
) -> None:
    """Give the pipeline's scheduler what the base predicts. `configured` names whose configuration its own is, if that
    counts; `wanted` is base.prediction, which overrides what others say.

    Raises:
        ConfigError: `base-prediction`: two of them say different things.
    """
    scheduler = pipeline.scheduler
    said = dict(markers.predictions)
    if configured is not None:
        said[f"{SCHEDULER} of {configured}"] = scheduler.config.get("prediction_type", "epsilon")
    told = "; ".join(f"{who} says {what}" for who, what in said.items())
    if wanted is None and len(set(said.values())) > 1:
        raise ConfigError(
            f"what the base predicts is contradictory: {told}", reason="base-prediction",
            remedy="set base.prediction: epsilon or v_prediction, as the model's page says, or give the model's own base.config",
        )  # fmt: skip
    if wanted is not None and set(said.values()) - {wanted}:
        sys.stderr.write(f"train: base.prediction: {wanted} overrides: {told}\n")
    prediction = wanted or next(iter(said.values()), None)
    changes: dict[str, Any] = {} if prediction is None else {"prediction_type": prediction}
    if markers.zero_snr and prediction == "v_prediction":
        changes |= ZERO_SNR
    if any(scheduler.config.get(key) != value for key, value in changes.items()):
        # DDIM knows both settings; SD 1.5's own scheduler knows one.
        kind = type(scheduler) if "rescale_betas_zero_snr" not in changes else _zero_snr_kind(scheduler)
        pipeline.scheduler = kind.from_config(scheduler.config, **changes)


def _zero_snr_kind(scheduler: Any) -> Any:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    return type(scheduler) if "rescale_betas_zero_snr" in scheduler.config else DDIMScheduler
