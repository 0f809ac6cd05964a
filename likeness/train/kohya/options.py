"""Our settings as sd-scripts' options, one by one; what has no option is refused.

Sources: kohya-ss/sd-scripts, train_network.py, sdxl_train_network.py, library/train_util.py, networks/lora.py
(commit 48d368f, read 2026-11-25).
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from likeness.diffusion.config import TINY, TINY_RANDOM, BaseModelConfig
from likeness.errors import ConfigError
from likeness.settings import own_path
from likeness.train.config import TrainConfig

SCRIPTS = {"sd15": "train_network.py", "sdxl": "sdxl_train_network.py"}
# What networks.lora gives a LoRA: linear and 1x1 layers of the transformer blocks (UNET_TARGET_REPLACE_MODULE).
TARGETS = {"to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"}
BLOCKS = {"down_blocks", "mid_block", "up_blocks"}
# sd-scripts knows these by name, and any class of torch.optim.
OPTIMIZERS = {"AdamW", "AdamW8bit", "Adafactor", "Lion", "Prodigy", "AdamWScheduleFree"}
# transformers' own there, which finds the rate itself unless told not to, and has no betas.
ADAFACTOR = "Adafactor"
PRECISIONS = {"float32": "float", "float16": "fp16", "bfloat16": "bf16"}


def find_script(train: TrainConfig, base: BaseModelConfig) -> Path:
    """The script of the user's checkout that trains a base with these settings.

    Raises:
        ConfigError: `not-mapped`, `no-sd-scripts`.
    """
    if problems := unmapped(train, base):
        raise ConfigError(
            "train.trainer kohya: sd-scripts has no option for some settings. It takes\n  "
            + "\n  ".join(problems),
            reason="not-mapped",
            remedy="change these (conf/experiment/kohya.yaml has what maps), or train.trainer: native",
        )
    checkout = train.kohya.checkout
    script = own_path(checkout or "").resolve() / SCRIPTS[base.architecture]
    if checkout is None or not script.is_file():
        raise ConfigError(
            f"train.kohya.checkout {checkout}: no sd-scripts for {base.architecture} there",
            reason="no-sd-scripts",
            remedy="git clone kohya-ss/sd-scripts, install its requirements in an environment of its own, and set "
            "train.kohya.checkout to the folder and train.kohya.python to that environment's python",
        )
    return script


def python(train: TrainConfig) -> str:
    """The python that sd-scripts runs with, wherever it is started: a path, or a program's name."""
    named = train.kohya.python or sys.executable
    return str(own_path(named)) if "/" in named else named


def unmapped(train: TrainConfig, base: BaseModelConfig) -> list[str]:
    """What the settings ask for that sd-scripts has no option for, each with what maps."""
    data, lora, optimizer, system = train.data, train.lora, train.optimizer, train.system
    selection, checkpoint = train.selection, train.checkpoint
    wrong = {
        f"base.architecture {base.architecture}: this trainer knows {' and '.join(SCRIPTS)}":
            base.architecture not in SCRIPTS,
        f"base.source {base.source}: sd-scripts reads a hub id, a folder or a .safetensors file of SD 1.5 or SDXL":
            base.source in (TINY, TINY_RANDOM),
        "base.quantize: null": base.quantize is not None,
        "base.revision: null (download the revision, and name its folder as base.source)":
            base.revision is not None and not base.source.endswith(".safetensors"),
        "train.start_from: null (sd-scripts skips names that it does not know, without a word)": train.start_from is not None,
        "train.data.face_fraction: null": data.cuts_to_face,
        "train.data.face_weight and outside_weight: 1": (data.face_weight, data.outside_weight) != (1, 1),
        "train.data.prior_images: 0": data.prior_images > 0,
        "train.data.caption_shuffles: 0 (sd-scripts draws any number of orders)": data.caption_shuffles > 0,
        "train.lora.kind: lora": lora.kind != "lora",
        f"train.lora.targets: {sorted(TARGETS)}": set(lora.targets) != TARGETS,
        f"train.lora.blocks: {sorted(BLOCKS)}": set(lora.blocks) != BLOCKS,
        "train.objective.preservation_weight: 0": train.preserved_images > 0,
        "train.optimizer.ema: null": optimizer.ema is not None,
        f"train.optimizer: {', '.join(sorted(OPTIMIZERS))} or one of torch.optim":
            not optimizer.target.startswith("torch.optim.") and optimizer.name not in OPTIMIZERS,
        "train.selection.validation_share: 0": selection.validation_share > 0,
        "train.selection.sample_every_steps: null": selection.sample_every_steps is not None,
        "train.selection.keep_best: null": selection.keep_best is not None,
        "train.checkpoint.share: false": checkpoint.share,
        "train.system.gradient_checkpointing: on or off": system.gradient_checkpointing == "auto",
    }  # fmt: skip
    return [words for words, present in wrong.items() if present]


def dataset_toml(folder: Path, directories: Mapping[str, int], train: TrainConfig) -> str:
    """The dataset of a run for `--dataset_config`: absolute folders {relative path: repeats}, our sizes and captions."""
    data = train.data
    lines = [
        "[general]",
        'caption_extension = ".txt"',
        f"keep_tokens = {data.keep_tokens}",
        f"caption_dropout_rate = {data.caption_dropout}",
        "[[datasets]]",
        f"resolution = [{data.side_px}, {data.side_px}]",
        f"batch_size = {data.batch_size}",
        "enable_bucket = true",
        f"bucket_reso_steps = {data.bucket_step_px}",
    ]
    for name, repeats in sorted(directories.items()):
        path = json.dumps(str((folder / name).resolve()))
        lines += ["[[datasets.subsets]]", f"image_dir = {path}", f"num_repeats = {repeats}"]
    return "\n".join(lines) + "\n"


Options = dict[str, str | list[str] | bool]
"""sd-scripts' options by name; True for a switch."""


def options(train: TrainConfig, base: BaseModelConfig, *, source: str, v_prediction: bool) -> Options:
    """Those of a training; the dataset and the outputs are the caller's."""
    optimizer, schedule, objective, lora = train.optimizer, train.schedule, train.objective, train.lora
    sdxl, frozen = base.architecture == "sdxl", optimizer.text_encoder_lr is None
    weights_every, huber = train.checkpoint.weights_every_steps, objective.huber_c is not None
    every: Options = {
        "pretrained_model_name_or_path": source,
        "network_module": "networks.lora",
        "network_dim": str(lora.rank),
        "network_alpha": f"{lora.file_alpha:g}",
        "max_train_steps": str(schedule.steps),
        "gradient_accumulation_steps": str(schedule.gradient_accumulation),
        "lr_scheduler": _scheduler(train),
        "lr_warmup_steps": str(schedule.warmup_steps),
        "optimizer_type": optimizer.name,
        "learning_rate": f"{optimizer.lr:g}",
        "unet_lr": f"{optimizer.lr:g}",
        "optimizer_args": _optimizer_args(train),
        "max_grad_norm": f"{optimizer.grad_clip_norm:g}",
        "seed": str(train.seed),
        "save_model_as": "safetensors",
        "save_precision": PRECISIONS[train.checkpoint.weights_dtype],
        "cache_latents": True,
        "sdpa": True,
        "lr_scheduler_num_cycles": schedule.lr_cycles > 1 and str(schedule.lr_cycles),
        "network_train_unet_only": frozen,
        "cache_text_encoder_outputs": frozen and sdxl and not train.data.caption_dropout,
        "text_encoder_lr": not frozen and f"{optimizer.text_encoder_lr:g}",
        "no_half_vae": sdxl,
        "network_dropout": lora.dropout > 0 and f"{lora.dropout:g}",
        "network_args": optimizer.lora_plus_ratio != 1
        and [f"loraplus_lr_ratio={optimizer.lora_plus_ratio:g}"],
        "min_snr_gamma": objective.weighting == "min_snr" and f"{objective.min_snr_gamma:g}",
        "debiased_estimation_loss": objective.weighting == "debiased",
        "noise_offset": objective.noise_offset > 0 and f"{objective.noise_offset:g}",
        "loss_type": huber and "huber",
        "huber_schedule": huber and "constant",
        "huber_c": huber and f"{objective.huber_c:g}",
        "v_parameterization": v_prediction,
        "gradient_checkpointing": train.system.gradient_checkpointing == "on",
        "torch_compile": train.system.compile,
        "save_every_n_steps": weights_every is not None and str(weights_every),
    }
    return {name: value for name, value in every.items() if value is not False}


def _scheduler(train: TrainConfig) -> str:
    schedule = train.schedule
    if schedule.lr_schedule == "constant":
        return "constant_with_warmup" if schedule.warmup_steps else "constant"
    return "cosine_with_restarts" if schedule.lr_cycles > 1 else schedule.lr_schedule


def _optimizer_args(train: TrainConfig) -> list[str]:
    optimizer = train.optimizer
    found = [f"weight_decay={optimizer.weight_decay:g}"]
    if optimizer.name == ADAFACTOR:
        return [*found, "scale_parameter=False", "relative_step=False", "warmup_init=False"]
    own = [f"{name}={value!r}" for name, value in optimizer.options.items()]
    return [*found, "betas=" + ",".join(f"{beta:g}" for beta in optimizer.betas), *own]


def command_line(options: Options) -> list[str]:
    """The options as words of a command."""
    words: list[str] = []
    for name, value in options.items():
        words += [
            f"--{name}",
            *(value if isinstance(value, list) else [value] if isinstance(value, str) else []),
        ]
    return words
