"""What a weights file says about itself: Kohya's `ss_*`, Stability's `modelspec.*` and `likeness.*`.

All values are strings. No date: equal training gives an equal file. Sources: sd-scripts, networks/lora.py and
library/train_util.py; https://github.com/Stability-AI/ModelSpec 1.0.1; for Z-Image musubi-tuner,
src/musubi_tuner/utils/sai_model_spec.py (all read 2026-11).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.config import ObjectiveConfig
from likeness.digests import sha256_file
from likeness.lora.kinds import kinds
from likeness.lora.safetensors_io import content_sha256
from likeness.lora.said import BASE, BASE_QUANTIZED, CONSENT_ID, DATASET, PRESERVED, TRAINING_SET
from likeness.run import Run
from likeness.train.config import TrainConfig
from likeness.train.native.data import Order, TrainingExample, dataset_digest

MODELSPEC_VERSION = "1.0.1"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the LoRA is called and calls up, under which consent, and the base it was trained on."""

    title: str
    trigger: str
    class_word: str
    consent_id: str
    training_set_sha256: str
    base: Base


def facts_of(run: Run, base: Base) -> Facts:
    """The facts of a stage's run."""
    persona = run.persona
    return Facts(
        title=run.paths.weights.stem,
        trigger=persona.trigger,
        class_word=persona.class_word,
        consent_id=run.consent.id,
        training_set_sha256=sha256_file(run.paths.dataset_metadata),
        base=base,
    )


def describe(
    tensors: Mapping[str, Tensor],
    facts: Facts,
    cfg: TrainConfig,
    examples: Sequence[TrainingExample],
    *,
    steps: int,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The metadata of Kohya-key `tensors` after `steps` optimizer steps; `more` is what else likeness says of the run."""
    base, sha256, lycoris = facts.base, content_sha256(tensors), kinds()[cfg.lora.kind].LYCORIS
    order = Order(examples, cfg.data, cfg.seed)
    epoch = -(-steps * cfg.parts // order.batches_per_epoch)
    own, shown, tags = Counter[str](), 0, dict[str, Counter[str]]()
    repeats = dict[str, int]()
    for example in examples:
        if not example.prior:
            name, shown = example.path.parent.name, shown + example.repeats
            own[name] += 1
            repeats.setdefault(name, example.repeats)
            tags.setdefault(name, Counter()).update(filter(None, map(str.strip, example.text.split(","))))
    dirs = {name: {"n_repeats": repeats[name], "img_count": count} for name, count in own.items()}
    buckets = {
        str(number): {"resolution": list(bucket), "count": sum(order.repeats[bucket])}
        for number, bucket in enumerate(order.members)
    }
    return {
        "ss_v2": "False",
        # Of a base of other sizes than the published one, only its own name is true.
        "ss_base_model_version": base.TRAINERS_NAME if base.published else base.name,
        "ss_sd_model_name": base.name,
        "ss_network_module": "networks.lora" if lycoris is None else "lycoris.kohya",
        "ss_network_dim": str(cfg.lora.file_rank),
        "ss_network_alpha": str(cfg.lora.file_alpha if base.FILE_ALPHA else cfg.lora.file_rank),
        "ss_network_dropout": str(cfg.lora.dropout or None),
        "ss_network_args": _json({**(lycoris or {}), "targets": cfg.lora.targets, "blocks": cfg.lora.blocks}),
        "ss_output_name": facts.title,
        "ss_learning_rate": str(cfg.optimizer.lr),
        "ss_unet_lr": str(cfg.optimizer.lr),
        "ss_text_encoder_lr": str(cfg.optimizer.text_encoder_lr),
        "ss_optimizer": cfg.optimizer.target
        + _arguments(betas=cfg.optimizer.betas, weight_decay=cfg.optimizer.weight_decay),
        "ss_lr_scheduler": "cosine_with_restarts" if cfg.schedule.lr_cycles > 1 else cfg.schedule.lr_schedule,
        "ss_lr_warmup_steps": str(cfg.schedule.warmup_steps),
        "ss_max_grad_norm": str(cfg.optimizer.grad_clip_norm),
        "ss_min_snr_gamma": str(
            cfg.objective.min_snr_gamma if cfg.objective.weighting == "min_snr" else None
        ),
        "ss_debiased_estimation": str(cfg.objective.weighting == "debiased"),
        "ss_noise_offset": str(cfg.objective.noise_offset or None),
        "ss_loss_type": "l2" if cfg.objective.huber_c is None else "huber",
        "ss_huber_c": str(cfg.objective.huber_c),
        "ss_num_train_images": str(shown),
        "ss_num_reg_images": str(len(examples) - own.total()),
        "ss_prior_loss_weight": str(cfg.data.prior_weight),
        "ss_num_batches_per_epoch": str(order.batches_per_epoch),
        "ss_total_batch_size": str(cfg.data.batch_size * cfg.parts),
        "ss_batch_size_per_device": str(cfg.data.batch_size),
        "ss_gradient_accumulation_steps": str(cfg.schedule.gradient_accumulation),
        "ss_steps": str(steps),
        "ss_max_train_steps": str(cfg.schedule.steps),
        "ss_epoch": str(epoch),
        "ss_seed": str(cfg.seed),
        "ss_resolution": f"({cfg.data.side_px}, {cfg.data.side_px})",
        "ss_enable_bucket": "True",
        "ss_shuffle_caption": str(cfg.data.caption_shuffles > 0),
        "ss_keep_tokens": str(cfg.data.keep_tokens),
        "ss_caption_dropout_rate": str(cfg.data.caption_dropout),
        "ss_tag_frequency": _json(tags),
        "ss_dataset_dirs": _json(dirs),
        "ss_bucket_info": _json({"buckets": buckets}),
        "sshs_model_hash": sha256,
        "sshs_legacy_hash": sha256[:8],
        "modelspec.sai_model_spec": MODELSPEC_VERSION,
        "modelspec.architecture": f"{base.MODELSPEC_NAME if base.published else base.name}/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": facts.title,
        "modelspec.author": "likeness",
        "modelspec.license": cfg.license,
        "modelspec.resolution": f"{cfg.data.side_px}x{cfg.data.side_px}",
        **_process(base, cfg.objective),
        "modelspec.hash_sha256": f"0x{sha256}",
        "modelspec.trigger_phrase": f"{facts.trigger} {facts.class_word}",
        "modelspec.tags": ", ".join((facts.trigger, facts.class_word, "lora")),
        DATASET: dataset_digest(examples),
        TRAINING_SET: facts.training_set_sha256,
        BASE: base.digest,
        **({BASE_QUANTIZED: base.quantized} if base.quantized else {}),
        CONSENT_ID: facts.consent_id,
        **({PRESERVED: str(cfg.objective.preservation_weight)} if cfg.preserved_images else {}),
        **{name: words for name, words in (more or {}).items() if words},
    }


def _process(base: Base, cfg: ObjectiveConfig) -> dict[str, str]:
    """How noise was mixed in; ModelSpec has no word for a flow's velocity."""
    if base.prediction is not None:
        said = {"modelspec.prediction_type": "v" if base.prediction == "v_prediction" else "epsilon"}
        return said | ({"ss_zero_terminal_snr": "True"} if base.zero_snr else {})
    sampling = "sigmoid" if cfg.timesteps == "logit_normal" else "uniform"
    return {"ss_timestep_sampling": sampling, "ss_discrete_flow_shift": str(cfg.timestep_shift)}


def _arguments(**values: object) -> str:
    return "(" + ",".join(f"{name}={value}" for name, value in values.items()) + ")"


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
