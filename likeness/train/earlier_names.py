"""Training's settings under their flat names of before they were nested: runs and checkpoints are named by them."""

import re
from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any

from likeness.errors import ConfigError

if TYPE_CHECKING:
    from likeness.train.config import TrainConfig


def _owned(owner: str, same: str, **renamed: str) -> dict[str, str]:
    names = {name: name for name in same.split()} | renamed
    return {old: f"{owner}.{new}" for old, new in names.items()}


# The old name, and where the setting is now.
MOVED = {
    **_owned("data", "side_px bucket_step_px face_fraction face_weight outside_weight prior_images prior_weight "
                     "caption_shuffles keep_tokens caption_dropout batch_size"),
    **_owned("lora", "rank alpha rank_stabilized targets blocks", lora_kind="kind", lora_dropout="dropout"),
    **_owned("optimizer", "lr text_encoder_lr betas weight_decay grad_clip_norm lora_plus_ratio ema"),
    **_owned("objective", "weighting min_snr_gamma timesteps timestep_shift noise_offset huber_c"),
    **_owned("schedule", "steps epochs lr_schedule lr_cycles warmup_steps gradient_accumulation"),
    **_owned("selection", "probe_draws validation_share validate_every_steps sample_every_steps patience "
                          "divergence_factor", choose="keep_best"),
    **_owned("checkpoint", "weights_every_steps weights_dtype", checkpoint_every_steps="every_steps",
             checkpoints_kept="kept", share_checkpoints="share"),
    **_owned("system", "device processes gradient_checkpointing compile log_every_steps usd_per_hour"),
}  # fmt: skip
# Settings that change what is written on the way, never the weights that come out; epochs do so through steps.
NOT_IN_RUN_KEY = {
    "log_every_steps", "checkpoint_every_steps", "checkpoints_kept", "share_checkpoints", "divergence_factor",
    "usd_per_hour", "epochs",
}  # fmt: skip
# Settings that came later, and where they are: only runs that make use of them are called by them.
PRESERVATION = _owned("objective", "preservation_weight preservation_images")
EARLIER_CHOICES = {None: "last", "validation_loss": "validation", "identity": "identity"}  # of what is kept
# Optimizers that had a word before each had a file, and what the word stood for. A new one needs no line here.
EARLIER_OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "torch.optim.AdamW": ("adamw", {"fused": True}),
    "bitsandbytes.optim.AdamW8bit": ("adamw_8bit", {}),
    "torch.optim.Adafactor": ("adafactor", {}),
    "lion_pytorch.Lion": ("lion", {}),
    "prodigyopt.Prodigy": ("prodigy", {"use_bias_correction": True, "safeguard_warmup": True}),
    "schedulefree.AdamWScheduleFree": ("schedule_free", {}),
}
CHOSEN = ("optimizer", "optimizer.name")  # a word then, a file now
OVERRIDE = re.compile(r"\btrain\.(\w+|optimizer\.name)=")


def run_settings(cfg: "TrainConfig") -> dict[str, Any]:
    """What of the settings decides a run's result, under the names that keys of runs have always had."""
    values = cfg.model_dump(mode="json")
    named = MOVED | PRESERVATION if cfg.preserved_images else MOVED
    settings = {
        name: reduce(lambda section, key: section[key], path.split("."), values)
        for name, path in named.items()
        if name not in NOT_IN_RUN_KEY
    }
    target, options = cfg.optimizer.target, cfg.optimizer.options
    word, meant = EARLIER_OPTIMIZERS.get(target, (target, {}))
    settings |= {"optimizer": word} | ({} if options == meant else {"optimizer_options": options})
    return settings | {"seed": cfg.seed, "choose": EARLIER_CHOICES[cfg.selection.keep_best]}


def refusals(names: Iterable[str]) -> list[str]:
    """For each name that was `train.NAME` once, what it is now."""
    return [
        f"train.{name} is now a file of conf/train/optimizer/: train/optimizer=adamw"
        if name in CHOSEN
        else f"train.{name} is now train.{MOVED[name]}"
        for name in names
        if name in CHOSEN or name in MOVED
    ]


def refuse_earlier_names(overrides: Iterable[str]) -> None:
    """Refuse `train.lr=3e-4` among the words of a command line.

    Raises:
        ConfigError: names the new place of each.
    """
    if wrong := refusals(name for word in overrides for name in OVERRIDE.findall(word)):
        raise ConfigError("; ".join(wrong), remedy="give the new name")
