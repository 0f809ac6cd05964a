"""Draws pictures through the gates of the samples, marked, and judges the LoRA of each saved step."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from likeness.config import Config
from likeness.diffusion.bases import Base
from likeness.diffusion.determinism import deterministic
from likeness.diffusion.generate import BasePool, GenerationRequest, drawn_at_once, generate
from likeness.diffusion.reference import Reference
from likeness.digests import sha256_file
from likeness.evaluate.contact_sheet import tile
from likeness.evaluate.evaluation import CheckpointScore
from likeness.evaluate.face_embeddings import Finder, face_work, faces_of
from likeness.evaluate.identity import FaceEmbedding, against
from likeness.evaluate.samples import IMAGE, SAMPLES_VERSION, Limits, Planned, entry, finished_sample
from likeness.images import RGB, load_rgb
from likeness.lora.door import refuse_weights_of_others
from likeness.lora.load import LoraSlot
from likeness.lora.safetensors_io import read_header
from likeness.pipeline.batch import Line, Made, Outcome, Work, run_batch
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.outputs import finish
from likeness.pipeline.verified import REFUSED, why_not_shown
from likeness.run import Run
from likeness.safety.pictures import PictureGate
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.store.items import Item
from likeness.store.keys import item_key


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """What draws and judges pictures: the base, the gate, and their settings."""

    cfg: Config
    base: Base
    rater: Rater
    ages: PictureGate = field(default_factory=PictureGate)
    reference: Reference | None = None
    pool: BasePool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pool", BasePool(self.base))

    def settings(self, one: Planned) -> dict[str, object]:
        """All that decides a picture's file, beside the weights."""
        return {
            **vars(self._request(one)),
            **self.base.identity,
            **vars(Limits.of(self.cfg)),
            "rater": RATER_DIGEST,
            "quality": self.cfg.evaluate.jpeg_quality,
        }

    def work(self, one: Planned, weights: Path | None, digest: str, slot: LoraSlot) -> Work:
        """The item that is one picture, drawn with the weights file of this digest or without; never explicit. `slot` is that
        of the base."""
        scale = self.cfg.evaluate.lora_scale
        settings = {**self.settings(one), "lora_scale": scale if weights else None}
        if one.reference and self.reference is not None:
            settings["reference"] = self.reference.identity
        key = item_key("evaluate.sample", SAMPLES_VERSION, settings, [digest] if weights else [])
        hold = partial(slot.hold, weights, scale)
        return Work(id=one.id, key=key, make=partial(self._make, one, hold))

    def live(self, one: Planned, run: str, step: int) -> Work:
        """The same, drawn with the LoRA that is in the base, at full strength: that of a run's key after `step`."""
        key = item_key("train.sample", SAMPLES_VERSION, {**self.settings(one), "step": step}, [run])
        return Work(id=f"{one.id}-step{step}", key=key, make=partial(self._make, one))

    @property
    def drawn_with(self) -> dict[str, Any]:
        """How every picture is drawn: whoever draws so, by the same prompt and seed, gets the same one."""
        options = self.cfg.evaluate
        return {
            "negative_prompt": options.negative_prompt,
            "side_px": options.side_px or self.cfg.train.data.side_px,
            "steps": options.steps,
            "guidance_scale": options.guidance_scale,
            "lora_scale": options.lora_scale,
        }

    def _request(self, one: Planned) -> GenerationRequest:
        how = {name: value for name, value in self.drawn_with.items() if name != "lora_scale"}
        return GenerationRequest(prompt=one.prompt, seed=one.seed, **how)

    def _make(self, one: Planned, hold: Callable[[], None] = lambda: None) -> Made:
        hold()
        reference = self.reference if one.reference else None
        with nullcontext(self.base) if one.reference else self.pool.lent() as base:
            (rgb,) = generate(base, [self._request(one)], reference=reference)
        limits, quality = Limits.of(self.cfg), self.cfg.evaluate.jpeg_quality
        return finished_sample(rgb, self.rater.explicit, self.ages, limits, quality=quality)


def draw(
    run: Run, renderer: Renderer, planned: Sequence[Planned], weights: Path, digest: str
) -> Sequence[Outcome]:
    """The planned pictures, with their lines of a manifest; `digest` is the sha256 of the weights. They come in batches by what the
    base holds, so that it is loaded once: nothing, the LoRA, what reads the reference picture, both.

    Raises:
        ConsentError: the weights are not of this person, or the consent has ended since the run began, maybe days ago.
        InputError: they do not fit the base, or are not those that were signed.
    """
    run.require(*run.uses)
    refuse_weights_of_others(run, weights)

    def line(one: Planned, item: Item) -> Line:
        parents = (digest,) if one.lora else ()
        if one.reference and renderer.reference is not None:
            parents += (renderer.reference.sha256,)
        return entry(one, item, provider=renderer.base.name, parents=parents), {one.file: IMAGE}

    outcomes: list[Outcome] = []
    with LoraSlot(renderer.base) as slot, deterministic(renderer.base.device):
        for held in sorted({(one.reference, one.lora) for one in planned}):
            group = [one for one in planned if (one.reference, one.lora) == held]
            reference, file = held[0], weights if held[1] else None
            works = [
                replace(renderer.work(one, file, digest, slot), line=partial(line, one)) for one in group
            ]
            # What reads the reference picture is loaded with the first one.
            workers = drawn_at_once(renderer.base, 1 if reference else run.config.items.workers)
            outcomes += run.batch(works, what="samples", workers=workers)
            if slot.misfit is not None:
                raise slot.misfit
    return outcomes


def lay_out(
    stage: str,
    run: Run,
    folder: Path,
    outcomes: Sequence[Outcome],
    *,
    max_failure_ratio: float,
    leave_unfinished: bool = False,
) -> Manifest:
    """Put drawn pictures into a folder with their manifest; what lay there goes.

    Raises:
        ConsentError: the consent has ended meanwhile; nothing is laid out.
        InputError: more were refused than `max_failure_ratio`.
        TransientError: some are not finished, and `leave_unfinished` is not set.
    """
    run.require(*run.uses)
    shutil.rmtree(folder, ignore_errors=True)
    return finish(
        stage,
        folder,
        outcomes,
        max_failure_ratio=max_failure_ratio,
        counts=run.repository.counts(folder),
        leave_unfinished=leave_unfinished,
    )


def face_works(drawn: Sequence[Outcome], find: Finder) -> list[Work]:
    """The items that are the faces in those pictures that were not refused."""
    return [
        face_work(outcome.work.id, image.sha256, image.path, find)
        for outcome in drawn
        if outcome.item and (image := outcome.item.files[IMAGE])
    ]


def judge_steps(
    run: Run,
    renderer: Renderer,
    planned: Sequence[Planned],
    references: Sequence[FaceEmbedding],
    find: Finder,
) -> list[tuple[CheckpointScore, list[RGB | str]]]:
    """The similarity of what each saved step's LoRA (the finished one's last) draws at each strength, and cells of a sheet."""
    paths, options = run.paths, run.config.evaluate
    if not (options.checkpoints or options.strengths):
        return []
    judged: list[tuple[CheckpointScore, list[RGB | str]]] = []
    kept = paths.checkpoints_by_step() if options.checkpoints else {}
    finished = int(read_header(paths.weights).metadata.get("ss_steps", 0))
    workers = drawn_at_once(renderer.base, run.config.items.workers)
    renderer.base.reading(None)
    with LoraSlot(renderer.base) as slot, deterministic(renderer.base.device):
        for step, path in [*kept.items(), (finished, paths.weights)]:
            refuse_weights_of_others(run, path)
            digest = sha256_file(path)
            for strength in options.plotted_strengths:
                way = f"step{step}-strength{strength:g}"
                at, name = replace(renderer, cfg=renderer.cfg.at_strength(strength)), f"evaluate: {way}"
                works = [at.work(replace(one, id=f"{one.id}-{way}"), path, digest, slot) for one in planned]
                drawn = run_batch(f"{name}: samples", works, run.items, workers=workers)
                works, at_once = face_works(drawn, find), run.config.items.workers
                faces = faces_of(run_batch(f"{name}: faces", works, run.items, workers=at_once))
                found = against(references, faces.embeddings, images=faces.images)
                score = CheckpointScore(
                    step=step,
                    strength=strength,
                    images=len(planned),
                    faces=found.faces,
                    similarity=found.mean,
                )
                judged.append((score, [_cell(one, options.cell_px) for one in drawn]))
    return judged


def _cell(drawn: Outcome, cell_px: int) -> RGB | str:
    """A drawn picture at the size of a sheet's cell, or why it is not shown."""
    if drawn.item is None:
        return REFUSED
    why = why_not_shown(IMAGE, drawn.item.record["rating"])
    return why or np.asarray(tile(load_rgb(drawn.item.files[IMAGE].path), cell_px))
