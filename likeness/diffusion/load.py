# pyright: basic
# (diffusers pipelines are not typed)
"""A base model from a seed, a hub id, a folder or one file, on its device and frozen."""

import logging
import math
import os
import re
import sys
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.loaders.single_file_utils import SingleFileComponentError
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from transformers.utils import logging as transformers_logging

from likeness.aligned import align_module
from likeness.diffusion.bases import MISFIT, Base
from likeness.diffusion.config import TINY, TINY_RANDOM, BaseModelConfig
from likeness.diffusion.digest import CONFIG_SUFFIXES, files_digest, folder_files, tensors_digest
from likeness.diffusion.families import bases, titles
from likeness.diffusion.prediction import Markers, read_markers, scheduler_class, settle_prediction
from likeness.diffusion.quantize import quantize
from likeness.diffusion.tiny_random import build_tiny_random
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, without_control
from likeness.networks import require_gpu
from likeness.paths import RepositoryPaths

# diffusers imports its classes when they are asked for, unseen by type checkers.
parts: Any = diffusers

# The base that ships with likeness; its README says what it draws.
TINY_FOLDER = Path(__file__).with_name("tiny")


def pick_device(wanted: str) -> torch.device:
    """The device for `auto`, `cpu` or `cuda`; ConfigError when there is no GPU to take."""
    if wanted == "cuda":
        require_gpu("train.system.device")
    if wanted == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    # cuBLAS reads this when it is first used; without it equal runs may differ (docs.nvidia.com/cuda/cublas).
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda", torch.cuda.current_device())


def device_name(device: torch.device) -> str:
    """The name that a person uses: `NVIDIA H100`, `a CPU with 2 threads`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"a CPU with {threads} thread{'' if threads == 1 else 's'}"


def silence_libraries() -> None:
    """Keep the libraries quiet; before pipelines are imported, which warn that torchvision is missing: nothing needs it."""
    transformers_logging.set_verbosity_error()
    diffusers_logging.set_verbosity_error()
    # What it says of a LoRA that it does not load, it raises as well: where another way is taken then, nothing was wrong.
    logging.getLogger("diffusers.loaders.peft").setLevel(logging.CRITICAL)
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()


def load_base(cfg: BaseModelConfig, *, device: str = "auto", memo: Path | None = None) -> Base:
    """The base model of the settings, frozen and on its device.

    On a CPU it also sets the process's number of torch threads to `cpu_threads`, if that is given. Digests of the model's
    files are remembered in the folder `memo`, if there is one.

    Raises:
        ConfigError: no such model or GPU, or the model is of another kind than base.architecture says.
    """
    place = pick_device(device)
    if place.type == "cpu" and cfg.cpu_threads is not None:
        torch.set_num_threads(cfg.cpu_threads)
    narrow = place.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if narrow else torch.float32
    silence_libraries()
    family = bases()[cfg.architecture]
    markers, configured, named = Markers(), None, ""
    if cfg.source == TINY_RANDOM:
        pipeline: Any = build_tiny_random(cfg.architecture, cfg.seed or 0)
        digest = tensors_digest({name: module.state_dict() for name, module in _modules(pipeline)})
    else:
        try:
            pipeline, digest, markers, configured, named = _load(family, cfg, dtype, memo)
        except (OSError, AttributeError, SingleFileComponentError, *MISFIT) as error:
            first = str(error).partition("\n")[0]  # diffusers adds lines of code
            raise ConfigError(
                f"base.source {cfg.source!r} could not be loaded as {cfg.architecture}: {first}",
                reason="base-unavailable",
                remedy="give a hub id (with network access), a folder in diffusers layout, or a .safetensors "
                "file with base.config naming its configuration folder",
            ) from error
    if not family.FLOW:
        settle_prediction(pipeline, markers, configured=configured, named=named, wanted=cfg.prediction)
    if incompatibility := family.incompatibility(pipeline) or _no_numbers(pipeline):
        raise ConfigError(
            f"base.source {cfg.source!r} is not a base of architecture {cfg.architecture}: {incompatibility}",
            reason="base-kind",
            remedy="correct base.architecture, or take a text-to-image model of that architecture",
        )
    if markers.architecture and not re.search(family.SAID_AS, markers.architecture, re.IGNORECASE):
        sys.stderr.write(
            f"base.source: its metadata say {without_control(markers.architecture)[:80]}, and its shapes are those of "
            f"{cfg.architecture}: they count\n"
        )
    pipeline.set_progress_bar_config(disable=True)
    for name, part in _modules(pipeline):
        if part.dtype != (wanted := torch.float32 if name == "vae" else dtype):
            part.to(wanted)
        if place.type == "cpu":
            align_module(part)
        if name == family.NETWORK and cfg.quantize is not None:
            quantize(part, cfg.quantize, place, not_packed=family.NOT_PACKED)
        part.to(place).requires_grad_(False).eval()
    return family(
        name=cfg.name,
        digest=digest,
        pipeline=pipeline,
        device=place,
        dtype=dtype,
        quantized=cfg.quantize,
        settled=cfg.prediction,
    )


def _no_numbers(pipeline: Any) -> str | None:
    """What is infinite or not a number in a pipeline's parts, or a schedule and a scale with which nothing can be learned."""
    for name, part in _modules(pipeline):
        for key, tensor in part.named_parameters():
            has_numbers = tensor.is_floating_point() and tensor.numel()
            if has_numbers and not all(map(torch.isfinite, tensor.aminmax())):
                return f"{name}.{key} holds numbers that are infinite or not a number"
    alphas = getattr(pipeline.scheduler, "alphas_cumprod", None)
    if alphas is not None and not bool(((alphas >= 0) & (alphas <= 1)).all()):
        return "its scheduler's configuration gives a schedule that is not between 0 and 1"
    scale = pipeline.vae.config.get("scaling_factor", 1.0)
    is_scale = isinstance(scale, int | float) and 0 < scale < math.inf
    return None if is_scale else f"its VAE's scaling_factor is {scale}"


def _modules(pipeline: Any) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in pipeline.components.items() if isinstance(part, torch.nn.Module)]


def _load(
    family: type[Base], cfg: BaseModelConfig, dtype: torch.dtype, memo: Path | None
) -> tuple[Any, str, Markers, str | None, str]:
    """The pipeline, its digest, what its weights say, whose scheduler's configuration counts, and the class that it names."""
    pipeline_class = getattr(parts, family.PIPELINE)
    options = dict(family.LOAD_OPTIONS)
    root = RepositoryPaths.here().root
    local = cfg.local(root)
    one_file = local is not None and local.suffix == ".safetensors"
    if one_file and not family.SINGLE_FILE:
        raise ConfigError(
            f"base.source {cfg.source!r}: one file holds {family.TITLE}'s {family.NETWORK} alone",
            reason="base-unavailable",
            remedy="give a hub id, or a folder in diffusers layout",
        )
    cfg.require_commit(root)
    if local is not None and one_file:
        options |= {"config": str(cfg.config_folder(root) or cfg.config), "revision": cfg.revision}
        markers = read_markers([local])
        if other := family.OTHER_WIDTHS.get(markers.token_width or 0):
            raise ConfigError(
                f"base.source {cfg.source!r} is {other} (its UNet reads {markers.token_width} numbers a token), which is no"
                " base here",
                reason="base-kind",
                remedy=f"take a model of one of {titles()}",
            )
        if markers.packed:
            raise ConfigError(
                f"base.source {cfg.source!r} holds {markers.packed}, packed weights that are not unpacked here",
                reason="base-kind",
                remedy="take the model in float16, bfloat16 or float32",
            )
        # One file is read in float32: a per-part dtype is not taken here, and the VAE must not lose bits.
        named = scheduler_class(cfg.config_folder(root))
        pipeline = _whole(pipeline_class.from_single_file(str(local), dtype=torch.float32, **options))
        digest = _with_configuration(files_digest([local], local.parent, memo), cfg, root, memo)
        return pipeline, digest, markers, cfg.config, named
    folder = TINY_FOLDER if cfg.source == TINY else local
    if folder is None:
        folder = Path(
            pipeline_class.download(
                cfg.source, revision=cfg.revision, variant=cfg.variant, use_safetensors=True
            )
        )
    per_part = {"vae": torch.float32, "default": dtype}
    pipeline = _whole(
        pipeline_class.from_pretrained(
            str(folder), variant=cfg.variant, use_safetensors=True, dtype=per_part, **options
        )
    )
    files = folder_files(folder, cfg.variant)
    weights: dict[str, list[Path]] = {}
    for path in files:
        if path.suffix == ".safetensors":
            weights.setdefault(path.parent.name, []).append(path)
    # transformers makes up what a text encoder's files lack.
    for part in family.TEXT_CLASSES:
        needs = sum(one.numel() for one in getattr(pipeline, part).parameters())
        if (has := sum(map(_numbers, weights.get(part, [])))) < needs:
            raise ValueError(f"its {part} has {needs:,} numbers, and its files hold {has:,}")
    markers = read_markers(weights[family.NETWORK])
    return pipeline, files_digest(files, folder, memo), markers, cfg.source, scheduler_class(folder)


def _with_configuration(digest: str, cfg: BaseModelConfig, root: Path, memo: Path | None) -> str:
    """The digest of a single file, whose name is no part of what it is, with that of what its configuration says: the
    schedule, the tokenizer and the scale of latents, which the file lacks."""
    folder = cfg.config_folder(root)
    if folder is None:
        says = f"{cfg.config} {cfg.revision}"
    else:
        files = [one for one in folder_files(folder, None) if one.suffix in CONFIG_SUFFIXES]
        says = files_digest(files, folder, memo)
    return sha256_bytes(f"{digest}\n{says}".encode())


def _numbers(path: Path) -> int:
    """How many numbers a .safetensors file holds."""
    with safe_open(path, framework="numpy") as opened:
        return sum(math.prod(opened.get_slice(key).get_shape()) for key in opened.keys())  # noqa: SIM118


def _whole(pipeline: Any) -> Any:
    """The pipeline; ValueError where diffusers left tensors out that its files lack."""
    for part, module in _modules(pipeline):
        if lost := [name for name, tensor in module.named_parameters() if tensor.is_meta]:
            raise ValueError(f"its {part} lacks {len(lost)} tensors: {', '.join(lost[:3])}")
    return pipeline
