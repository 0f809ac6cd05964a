"""The stages between ingest and dataset on N photographs, with stand-ins for providers and models (bench/scale.py measures it)."""

import base64
import contextlib
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np

from bench.scale_things import (
    PERSONA,
    SIDE_PX,
    Work,
    entry,
    folders,
    gate,
    identified,
    made_up_face,
    picture,
    run_of,
)
from likeness.caption import Described
from likeness.config import Config
from likeness.digests import sha256_bytes
from likeness.enhance import Enhanced
from likeness.evaluate.face_embeddings import Finder
from likeness.evaluate.variety import MEASURES
from likeness.images import encode_jpeg, encode_png
from likeness.pipeline.batch import Made
from likeness.pipeline.manifest import Entry, Manifest
from likeness.providers import Local
from likeness.run import Run

STEPS = 8  # of training


class StandIn(Local):
    """A provider that draws nothing and says the same of every picture."""

    name: ClassVar[str] = "stand-in"
    neural: ClassVar[bool] = False

    def identity(self) -> dict[str, Any]:
        """Nothing decides its results."""
        return {}

    def enhance(self, rgb: Any, *, item: str = "") -> Enhanced:
        """Twice the pixels."""
        return Enhanced(rgb=np.repeat(np.repeat(rgb, 2, 0), 2, 1))

    def describe(self, rgb: Any, *, face: Any, swapped: bool, item: str = "") -> Described:
        """A sentence of the usual length."""
        return Described(
            text=f"head and shoulders photo, {item} facing the camera, neutral expression, even light, grey background"
        )


def _run(stage: str, count: int, config: Config, **changes: Any) -> Run:
    folders(count, **changes)
    run = run_of(stage, config)
    vars(run)["provider"] = StandIn()
    vars(run)["gate"] = gate()
    return run


def swap(count: int, config: Config) -> Work:
    """The stage swap: half of the photographs are targets, each with one pair; pictures are not drawn, measured or judged."""
    import stages.swap
    from likeness.faces import to_json
    from likeness.swap import inputs, items
    from likeness.swap.lighting import Traits

    near = config.swap.model_copy(
        update={"sources_per_target": 1, "limits": config.swap.limits.model_copy(update={"min_face_px": 16})}
    )
    run = _run("swap", count, config.model_copy(update={"swap": near}), targets=count // 2)
    cheek = (70.0, 8.0, 12.0)
    traits = Traits(left_cheek=cheek, right_cheek=cheek, bridge_line=0.0)
    face = to_json(identified(made_up_face()))

    def drawn(item: str, source: Any, target: Any, context: Any) -> Made:
        source.rgb()
        quality = {"seam": 0.0, "tone": 0.0, "matte": 0.0}
        record = {"explicit": 0.01, "face": face, "age_years": 33.0, "cost_usd": 0.0, "quality": quality}
        return Made(files={items.IMAGE: encode_png(target.rgb())}, record=record)

    stand_ins = {
        (inputs, "measure"): lambda portrait: traits,
        (items, "_swap"): drawn,
        (items, "_judge"): lambda *_: None,
        (items, "_scores"): lambda *_: {"identity": 0.9},
        (items, "face_analyzer"): lambda embedder: None,
        (items, "AgeEstimator"): SimpleNamespace,
        (items, "Rater"): SimpleNamespace,
    }

    def work() -> None:
        with contextlib.ExitStack() as patched:
            for (module, name), other in stand_ins.items():
                patched.enter_context(patch.object(module, name, other))
            stages.swap.main(run)

    return work


def resize(count: int, config: Config) -> Work:
    """The stage resize."""
    import stages.resize

    run = _run("resize", count, config)
    return lambda: stages.resize.main(run)


def enhance(count: int, config: Config) -> Work:
    """The stage enhance."""
    import stages.enhance

    run = _run("enhance", count, config)
    return lambda: stages.enhance.main(run)


def caption(count: int, config: Config) -> Work:
    """The stage caption: a person wrote half of the captions."""
    import stages.caption
    from bench.scale_things import PATHS

    run = _run("caption", count, config)
    PATHS.captions_override.mkdir(parents=True)
    for number in range(1, count + 1, 2):
        words = f"{PERSONA} woman, a half-body photograph in soft light, by hand, number {number}"
        (PATHS.captions_override / f"{PERSONA}-s{number}.txt").write_text(words)
    return lambda: stages.caption.main(run)


def _trained_on(stage: str, count: int, config: Config, **changes: Any) -> Run:
    """A run of a stage after dataset, which has written its folder."""
    import stages.dataset

    small = config.dataset.model_copy(update={"side_px": SIDE_PX})
    config = config.model_copy(update={"dataset": small, **changes})
    before = _run("dataset", count, config)
    with patch.object(stages.dataset, "PictureGate", lambda embedder: gate()):
        stages.dataset.main(before)
    return run_of(stage, config)


def evaluate(count: int, config: Config) -> Work:
    """The stage evaluate without its models: the training images of N photographs beside eight samples that are there."""
    from likeness.evaluate import looks
    from likeness.evaluate.face_patch import WHOLE_PX
    from likeness.evaluate.results import measure, write_results
    from likeness.evaluate.samples import plan_samples

    options = config.evaluate.model_copy(update={"checkpoints": False, "seeds": (1, 2)})
    run = _trained_on("evaluate", count, config, evaluate=options)
    prompts = options.drawn_prompts(run.persona.trigger, run.persona.class_word)
    planned = plan_samples(PERSONA, prompts, options.seeds)
    run.paths.samples.mkdir(parents=True)
    entries: list[Entry] = []
    for number, one in enumerate(planned):
        data = encode_jpeg(picture(count + number))
        (run.paths.samples / one.file).write_bytes(data)
        entries.append(entry(one.id, one.file, sha256_bytes(data), origin="", roots={}))
    face = identified(made_up_face())

    def look(path: Any, record: Any, words: bool) -> Made:
        grey = np.random.default_rng(sum(path.read_bytes())).integers(
            1, 256, (WHOLE_PX, WHOLE_PX), dtype=np.uint8
        )
        patched = base64.b64encode(grey.tobytes()).decode()
        said = dict.fromkeys(MEASURES, 0.5) | {"background": [50.0, 0.0, 0.0]}
        hashes = looks.hashes(picture(int(grey[0, 0])))
        return Made(files={}, record={"text": "smiling", "face_patch": patched, **hashes, **said})

    def work() -> None:
        renderer: Any = SimpleNamespace(drawn_with={})
        find: Any = Finder(analyzer=Any)
        with patch.object(looks, "_look", look), patch.object(Finder, "__call__", lambda own, rgb: [face]):
            write_results(
                run,
                measure(run, renderer, planned, Manifest(entries, []), find),
                run.tracker({}, enabled=False),
            )

    return work


def train(count: int, config: Config) -> Work:
    """The stage train on what the dataset stage wrote, its gate replaced; the base is tiny, the steps are few."""
    import stages.train

    own = config.train
    few = own.model_copy(
        update={
            "optimizer": own.optimizer.model_copy(update={"text_encoder_lr": None}),
            "schedule": own.schedule.model_copy(update={"steps": STEPS, "warmup_steps": 1}),
            "data": own.data.model_copy(update={"side_px": SIDE_PX, "face_weight": 2.0}),
            "checkpoint": own.checkpoint.model_copy(update={"weights_every_steps": None}),
        }
    )
    run = _trained_on("train", count, config, train=few)
    vars(run)["gate"] = gate()
    return lambda: stages.train.main(run)
