"""Scores of a server's pictures: similarity to the held-out photographs, the LoRA's effect, and agreement with our
samples."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.evaluate.draw import face_works
from likeness.evaluate.face_embeddings import Finder, faces_of, ingested_faces
from likeness.evaluate.identity import Identity, against
from likeness.evaluate.samples import Planned, lora_effect
from likeness.images import RGB, load_rgb
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import read_manifest
from likeness.run import Run

AGREEMENT_KNOWN_DB = 30.0
"""From this agreement without the LoRA on, the server draws what we draw, and what differs with it is the LoRA's."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What comfy/results.json holds. `agreement_db` is the PSNR with our own samples, where evaluate has drawn the same;
    `not_loaded` are keys that the server's log names, None where it shows no log; `problems` are sentences."""

    server: str
    version: str
    settings: dict[str, object]
    pictures: list[dict[str, object]]
    identity_with: float | None
    identity_without: float | None
    identity_ours: float | None
    effect: float | None
    agreement_with_db: float | None
    agreement_without_db: float | None
    not_loaded: list[str] | None
    problems: list[str]


def scored(
    run: Run,
    planned: Sequence[Planned],
    pictures: Mapping[str, RGB],
    outcomes: Sequence[Outcome],
    find: Finder,
    version: str,
    not_loaded: list[str] | None,
) -> Result:
    """What the written pictures, by id, are worth."""
    cfg, paths = run.config, run.paths
    held_out = [photo for photo in read_manifest(paths.ingested).entries if photo.held_out]
    references = ingested_faces(held_out, paths.ingested).embeddings
    searched = {found.work.id: found for found in run.batch(face_works(outcomes, find), what="faces")}
    ours = _our_samples(run, planned)

    def identity(chosen: Sequence[Planned]) -> Identity:
        faces = faces_of([searched[one.id] for one in chosen if one.id in searched])
        return against(references, faces.embeddings, images=faces.images)

    every = identity(planned)
    named = cfg.evaluate.named_prompts(run.persona.trigger, run.persona.class_word)
    scores = {
        lora: identity([one for one in planned if one.lora == lora and one.prompt in named])
        for lora in (False, True)
    }
    agreement = {name: psnr(pictures[name], ours[name]) for name in pictures if name in ours}
    effect = lora_effect(planned, pictures)
    medians = {
        lora: _median([agreement[one.id] for one in planned if one.lora == lora and one.id in agreement])
        for lora in (False, True)
    }
    return Result(
        server=cfg.comfy.base_url,
        version=version,
        settings={
            "sampler": cfg.comfy.sampler,
            "scheduler": cfg.comfy.scheduler,
            "steps": cfg.evaluate.steps,
            "guidance_scale": cfg.evaluate.guidance_scale,
            "strength": cfg.evaluate.lora_scale,
            "base": cfg.base.name,
        },
        pictures=[
            {
                **vars(one),
                "file": one.file if one.id in pictures else None,
                "similarity": every.by_image.get(one.id),
                "agreement_db": agreement.get(one.id),
            }
            for one in planned
        ],
        identity_with=scores[True].mean,
        identity_without=scores[False].mean,
        identity_ours=_our_score(run, bool(ours)),
        effect=effect,
        agreement_with_db=medians[True],
        agreement_without_db=medians[False],
        not_loaded=not_loaded,
        problems=problems(effect, medians, not_loaded, cfg.comfy.max_agreement_loss_db),
    )


def _our_samples(run: Run, planned: Sequence[Planned]) -> dict[str, RGB]:
    """What evaluate drew of the same prompts and seeds with the same weights; nothing where it drew others."""
    digest = sha256_file(run.paths.weights)
    try:
        entries = {one.id: one for one in read_manifest(run.paths.samples).entries}
    except InputError:
        return {}
    return {
        one.id: load_rgb(run.paths.samples / one.file)
        for one in planned
        if (found := entries.get(one.id)) is not None
        and found.text == one.prompt
        and found.parents == ((digest,) if one.lora else ())
    }


def _our_score(run: Run, drawn: bool) -> float | None:
    try:
        return (
            json.loads(run.paths.evaluation_metrics.read_bytes())["identity_samples_with"] if drawn else None
        )
    except (OSError, ValueError, KeyError):
        return None


def problems(
    effect: float | None,
    agreement_db: Mapping[bool, float | None],
    not_loaded: Sequence[str] | None,
    max_loss_db: float,
) -> list[str]:
    """What is wrong with the LoRA in this server, in sentences; `agreement_db` by with (True) and without (False)."""
    found: list[str] = []
    if not_loaded:
        found.append(
            f"ComfyUI did not load {len(not_loaded)} of the LoRA's keys (its log: lora key not loaded: {not_loaded[0]})"
        )
    if effect == 0:
        found.append("The LoRA changes no pixel in ComfyUI: nothing of it was loaded")
    without, with_lora = agreement_db[False], agreement_db[True]
    if without is None or with_lora is None or without < AGREEMENT_KNOWN_DB or effect == 0:
        return found
    if without - with_lora > max_loss_db:
        found.append(
            f"Without the LoRA the pictures agree with ours ({without:.1f} dB), with it they do not ({with_lora:.1f} dB):"
            " a part of it was not loaded, or it acts at another strength"
        )
    return found


def psnr(one: RGB, other: RGB) -> float | None:
    """Peak signal-to-noise ratio of two uint8 pictures in dB, at most 99; None where their sizes differ."""
    if one.shape != other.shape:
        return None
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return round(min(99.0, 10 * np.log10(255.0**2 / error)), 2) if error else 99.0


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 2) if known else None
