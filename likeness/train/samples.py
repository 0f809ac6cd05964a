"""The pictures of the stage train: of the class by the base before training, of the persona by the LoRA during it,
and their similarity."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from likeness.diffusion.bases import Base
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.randomness import derive
from likeness.disk import write_atomic
from likeness.errors import ConfigError, InputError
from likeness.evaluate.contact_sheet import CELL_PX, Row, contact_sheet, held_out_row
from likeness.evaluate.draw import Renderer, face_works
from likeness.evaluate.face_embeddings import Finder, faces_of, ingested_faces
from likeness.evaluate.identity import FaceEmbedding, against
from likeness.evaluate.samples import IMAGE, Limits, Planned, finished_sample, plan_samples
from likeness.faces import FACES_VERSION, MODELS_DIGEST, FaceAnalyzer
from likeness.images import JPEG_QUALITY, RGB, load_rgb
from likeness.lazy import Lazy
from likeness.pipeline.batch import Made, Work, run_batch, run_one
from likeness.pipeline.verified import REFUSED, Picture, why_not_shown
from likeness.run import Run
from likeness.safety.pictures import PictureGate
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.stage_input import held_out_photographs
from likeness.store.items import Item, ItemStore
from likeness.store.keys import item_key
from likeness.train.drawing import drawn_as_train_says
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import TrainingExample
from likeness.train.native.prior import class_text, prior_examples, spread
from likeness.train.native.selection import Evaluator, Stopped, due

PRIOR_VERSION = 2
"""Raised whenever the same shot would give another file."""


def draw_prior(run: Run, base: Base, examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    """Up to `train.data.prior_images` pictures for the captions of `samples` without the trigger; none if none are asked for.
    They are drawn as the evaluation draws: its settings suit the base. Only what is rated sfw is trained on, since nobody
    looks at them.

    Raises:
        InputError: all of them were refused.
    """
    persona = run.persona
    count = min(run.config.train.data.prior_images, sum(one.repeats for one in examples))
    if not count:
        return []
    cfg = drawn_as_train_says(run.config)
    words = {"trigger": persona.trigger, "class_word": persona.class_word}
    texts = Lazy(len(examples), lambda number: class_text(examples[number].text, **words))
    shots = [
        GenerationRequest(
            prompt=text,
            negative_prompt=cfg.evaluate.negative_prompt,
            seed=derive(cfg.train.seed, "prior", number),
            steps=cfg.evaluate.steps,
            guidance_scale=cfg.evaluate.guidance_scale,
            side_px=cfg.train.data.side_px,
        )
        for number, text in enumerate(spread(texts, count))
    ]
    limits = Limits.of(cfg)
    rater, ages = Rater(), PictureGate()
    works = [prior_work(n, shot, base, rater, ages, limits) for n, shot in enumerate(shots, start=1)]
    # One worker: the pictures share one pipeline. Under a name of its own: the lines of `train` count its steps.
    outcomes = run_batch("prior", works, run.items, workers=1, stop=run.stop)
    pictures = [
        (file.path, shot.prompt, file.sha256)
        for shot, outcome in zip(shots, outcomes, strict=True)
        if outcome.item is not None and outcome.item.record["rating"] == "sfw"
        for file in (outcome.item.files[IMAGE],)
    ]
    if not pictures:
        raise InputError(
            f"none of the {count} pictures that {base.name} drew of the class may be trained on: none is rated sfw",
            reason="no-prior",
            remedy="set train.data.prior_images: 0, or don't use a base that draws this for harmless captions",
        )
    if len(pictures) < count:
        sys.stderr.write(f"train: {count - len(pictures)} of {count} pictures of the class are left out\n")
    return prior_examples(pictures, examples, cfg.train.data.side_px)


def prior_work(
    number: int, shot: GenerationRequest, base: Base, rater: Rater, ages: PictureGate, limits: Limits
) -> Work:
    """The item that is a picture of the class."""
    settings = {**vars(shot), **base.identity, **vars(limits), "rater": RATER_DIGEST, "quality": JPEG_QUALITY}
    key = item_key("train.prior", PRIOR_VERSION, settings, [])
    return Work(id=f"prior {number}", key=key, make=partial(_draw, shot, base, rater, ages, limits))


def _draw(shot: GenerationRequest, base: Base, rater: Rater, ages: PictureGate, limits: Limits) -> Made:
    (rgb,) = generate(base, [shot])
    return finished_sample(rgb, rater.explicit, ages, limits, quality=JPEG_QUALITY)


# Of evaluate's seeds, the first so many: one picture a prompt is chance, and training waits for each.
SEEDS = 2


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Draws `planned` with the LoRA in the base and scores the faces against `references`, of the `held_out` photographs;
    only prompts that are `named`, by the person's name, count.

    Each picture is an item, named by the run and the step: a resumed run draws none twice.
    """

    renderer: Renderer
    persona: str
    every_steps: int
    planned: Sequence[Planned]
    named: Sequence[str]
    held_out: Sequence[Picture]
    references: Sequence[FaceEmbedding]
    find: Finder
    items: ItemStore

    @property
    def digest(self) -> str:
        """Names all that decides the numbers, beside the weights."""
        settings = {
            "drawn": [self.renderer.settings(one) for one in self.planned],
            "named": list(self.named),
            "faces": [FACES_VERSION, MODELS_DIGEST],
            "references": [json.dumps(seen.embedding.tolist()) for seen in self.references],
        }
        return item_key("train.sampler", 2, settings, [])

    def evaluator(self, run: RunFolder, show: Callable[[Path], None]) -> Evaluator:
        """The likeness by step, a picture without a face counted as 0; `show` gets the strip of each."""

        def evaluate(step: int, stopped: Stopped) -> float | None:
            drawn = [run_one(work, self.items) for work in self._works(run.key, step) if not stopped()]
            if stopped():
                return None
            strip = run.folder / "samples" / f"step-{step:08d}.png"
            write_atomic(strip, self._strip(step, [outcome.item for outcome in drawn]))
            show(strip)
            pairs = zip(self.planned, drawn, strict=True)
            counted = [outcome for one, outcome in pairs if one.prompt in self.named]
            faces = faces_of([run_one(work, self.items) for work in face_works(counted, self.find)])
            scores = against(self.references, faces.embeddings, images=faces.images).by_image
            return sum(scores.values()) / len(counted) if self.references and counted else None

        return Evaluator(metric="identity", every_steps=self.every_steps, best=max, evaluate=evaluate)

    def sheet(self, run: RunFolder, done: int, last: int) -> bytes:
        """How the LoRA of `done` of `last` steps came to draw: the first seed's pictures by step, above held-out photographs."""
        seed = self.planned[0].seed
        steps = [step for step in range(1, done + 1) if due(step, self.every_steps, last)]
        rows: list[Row] = []
        for step in steps:
            found = [self.items.get(work.key) for work in self._works(run.key, step)]
            rows.append(self._row(f"step {step}", seed, found))
        photographs = held_out_row(self.held_out)
        return self._sheet(f"{self.persona} by step of training", [*rows, photographs])

    def _works(self, run: str, step: int) -> list[Work]:
        return [self.renderer.live(one, run, step) for one in self.planned]

    def _strip(self, step: int, found: Sequence[Item | None]) -> bytes:
        seeds = dict.fromkeys(one.seed for one in self.planned)
        rows = [self._row("with LoRA", seed, found) for seed in seeds]
        return self._sheet(f"{self.persona}, step {step}", rows)

    def _row(self, label: str, seed: int, found: Sequence[Item | None]) -> Row:
        cells = [_shown(item) for one, item in zip(self.planned, found, strict=True) if one.seed == seed]
        return Row(label=label, note=f"seed {seed}", cells=cells)

    def _sheet(self, title: str, rows: Sequence[Row]) -> bytes:
        prompts = list(dict.fromkeys(one.prompt for one in self.planned))
        return contact_sheet(title, prompts, rows, cell_px=CELL_PX)


def build_sampler(run: Run, base: Base) -> Sampler | None:
    """The sampler of a run, with the prompts and settings of train.drawing; None if train.selection.sample_every_steps asks for none.

    Raises:
        ConsentError: the consent does not cover pictures.
        ConfigError: train.selection.keep_best is identity, but no photograph is held out.
    """
    persona, places = run.persona, run.paths
    if (every_steps := run.config.train.selection.sample_every_steps) is None:
        return None
    run.require("generate")
    cfg = drawn_as_train_says(run.config)
    options = cfg.evaluate
    photographs = held_out_photographs(run)
    if cfg.train.selection.keep_best == "identity" and not photographs:
        raise ConfigError(
            f"train.selection.keep_best identity: no photograph of {persona.name} is held out to compare with",
            reason="no-held-out",
            remedy=f"name some under `held_out` in conf/persona/{persona.name}.yaml, or set "
            "train.selection.keep_best: validation_loss",
        )
    prompts = options.drawn_prompts(persona.trigger, persona.class_word)
    named = options.named_prompts(persona.trigger, persona.class_word)
    if cfg.train.selection.keep_best == "identity" and not named:
        raise ConfigError(
            f"train.selection.keep_best identity: no prompt of conf/evaluate/ names {persona.name}",
            reason="no-named-prompt",
            remedy="write {trigger} into one, or set train.selection.keep_best: validation_loss",
        )
    planned = [one for one in plan_samples(persona.name, prompts, options.seeds[:SEEDS]) if one.lora]
    return Sampler(
        renderer=Renderer(cfg=cfg, base=base, rater=Rater()),
        persona=persona.name,
        every_steps=every_steps,
        planned=planned,
        named=named,
        held_out=photographs,
        references=ingested_faces([photo.entry for photo in photographs], places.ingested).embeddings,
        find=Finder(analyzer=FaceAnalyzer()),
        items=run.items,
    )


def _shown(item: Item | None) -> RGB | str:
    """The picture, or why it is not shown."""
    if item is None or IMAGE not in item.files:
        return REFUSED
    return why_not_shown(IMAGE, str(item.record["rating"])) or load_rgb(item.files[IMAGE].path)
