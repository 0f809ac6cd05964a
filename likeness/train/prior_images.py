"""Pictures of the persona's class that the base draws before it is trained, for the stage train."""

import sys
from collections.abc import Sequence
from functools import partial

from likeness.diffusion.bases import Base
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.randomness import derive
from likeness.errors import InputError
from likeness.evaluate.samples import IMAGE, Limits, finished_sample
from likeness.images import JPEG_QUALITY
from likeness.pipeline.batch import Made, Work, run_batch
from likeness.run import Run
from likeness.safety.pictures import PictureGate
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.store.items import item_key
from likeness.train.drawing import drawn_as_train_says
from likeness.train.native.data import TrainingExample
from likeness.train.native.prior import class_text, prior_examples, spread

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
    texts = [class_text(one.text, trigger=persona.trigger, class_word=persona.class_word) for one in examples]
    shots = [
        GenerationRequest(
            prompt=text, negative_prompt=cfg.evaluate.negative_prompt, seed=derive(cfg.train.seed, "prior", number),
            steps=cfg.evaluate.steps, guidance_scale=cfg.evaluate.guidance_scale, side_px=cfg.train.data.side_px,
        )
        for number, text in enumerate(spread(texts, count))
    ]  # fmt: skip
    limits = Limits.of(cfg)
    rater, ages = Rater(), PictureGate()
    works = [
        prior_work(number, shot, base, rater, ages, limits) for number, shot in enumerate(shots, start=1)
    ]
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
