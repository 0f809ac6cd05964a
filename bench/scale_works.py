"""The work of stages on N things that are made up from seeds, models and networks left out (bench/scale.py measures it)."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

from bench import scale_stages
from bench.scale_things import (
    PATHS,
    PERSONA,
    REPOSITORY,
    SIDE_PX,
    Lines,
    Work,
    candidates,
    folders,
    gate,
    hexes,
    identified,
    made_up_face,
    picture,
    run_of,
)
from likeness.config import Config, load_config
from likeness.paths import PARAMS
from likeness.safety.consent.load import read_consent
from likeness.store.items import ItemStore
from likeness.store.keys import item_key


def duplicates(count: int, config: Config) -> Work:
    """ingest, and each plan: which photographs repeat another."""
    from likeness.ingest import select

    photos = candidates(count)
    return lambda: select.duplicates(photos, config.ingest.near_duplicate)


def ingest(count: int, config: Config) -> Work:
    """The stage ingest, its models replaced by a face made up at once."""
    import likeness.ingest.choice
    import stages.ingest
    from likeness.images import encode_png
    from likeness.ingest.analyse import Instruments

    PATHS.raw_sources.mkdir(parents=True)
    for number in range(1, count + 1):
        (PATHS.raw_sources / f"{number:06}.png").write_bytes(encode_png(picture(number)))
    limits = config.ingest.model_copy(update={"min_side_px": 32, "min_face_px": 16, "min_sharpness": 0})
    instruments = Instruments(
        faces=SimpleNamespace(faces=lambda rgb: [made_up_face()]),
        ages=SimpleNamespace(years=lambda rgb, face: 30.0),
        rate=lambda rgb: 0.01,
        digest="made up",
        faces_version=1,
        identify=lambda rgb, face: identified(face),
    )
    run = run_of("ingest", config.model_copy(update={"ingest": limits}))

    def work() -> None:
        with patch.object(likeness.ingest.choice, "local_instruments", lambda embedder: instruments):
            stages.ingest.main(run)

    return work


def ingest_again(count: int, config: Config) -> Work:
    """The same with nothing new."""
    work = ingest(count, config)
    work()
    return work


def pairs(count: int, config: Config) -> Work:
    """swap: the choice among N sources by N targets, and the lines of what is out of range."""
    from likeness.pipeline.manifest import write_manifest
    from likeness.swap.lighting import Traits
    from likeness.swap.pairs import choose_pairs
    from likeness.swap.range import Candidate

    def photo(seed: int) -> Candidate:
        random = np.random.default_rng(seed)
        face = replace(
            made_up,
            yaw_deg=float(random.normal(0, 20)),
            pitch_deg=float(random.normal(0, 10)),
            box_px=(0.0, 0.0, 300.0, 300.0),
            mouth_open=float(random.uniform(0, 0.3)),
        )
        cheek = (float(random.uniform(30, 90)), 8.0, 12.0)
        return Candidate(
            face=face, traits=Traits(left_cheek=cheek, right_cheek=(70.0, 8.0, 12.0), bridge_line=0.0)
        )

    made_up = made_up_face()
    sources = {f"s{n}": photo(n) for n in range(1, count + 1)}
    targets = {f"t{n}": photo(-n % 2**32) for n in range(1, count + 1)}

    def work() -> dict[str, int]:
        chosen, skipped = choose_pairs(PERSONA, sources, targets, config.swap)
        write_manifest(Path("swapped"), [], skipped)
        return {
            "pairs": len(chosen),
            "lines": len(skipped),
            "bytes": Path("swapped/failures.jsonl").stat().st_size,
        }

    return work


def record(count: int, config: Config) -> Work:
    """Each stage: a targets record of N lines is read, and each of its photographs is looked up."""
    Path("consent").mkdir()
    (Path("consent") / f"{PERSONA}.yaml").write_bytes((REPOSITORY / f"consent/{PERSONA}.yaml").read_bytes())
    listed = yaml.load((REPOSITORY / f"consent/{PERSONA}.targets.yaml").read_text(), Loader=yaml.CSafeLoader)
    listed["photos"] = {
        f"IMG_{n:06}.jpg": {"shows": "somebody", "age_years": 30, "sha256": hexes(n)} for n in range(count)
    }
    (Path("consent") / f"{PERSONA}.targets.yaml").write_text(yaml.dump(listed, Dumper=yaml.CSafeDumper))

    def work() -> dict[str, int]:
        consent = read_consent(Path("consent"), PERSONA)
        found = sum(consent.target_licence(f"renamed {n}.jpg", hexes(n)) is not None for n in range(count))
        return {"licensed": found}

    return work


def dataset(count: int, config: Config) -> Work:
    """The stage dataset, its gate replaced by one that sees the persona."""
    import stages.dataset

    folders(count)
    run = run_of(
        "dataset",
        config.model_copy(update={"dataset": config.dataset.model_copy(update={"side_px": SIDE_PX})}),
    )

    def work() -> None:
        with patch.object(stages.dataset, "PictureGate", lambda embedder: gate()):
            stages.dataset.main(run)

    return work


def report(count: int, config: Config) -> Work:
    """The page of N training images and as many photographs that were refused."""
    from likeness.pipeline.manifest import Failure, Manifest, read_manifest
    from likeness.report.collect import Collected, Evaluation, Training
    from likeness.report.page import page

    folders(count)
    manifests = {
        name: read_manifest(PATHS.output(name))
        for name in ("ingested", "swapped", "resized", "enhanced", "captions")
    }
    failures = tuple(
        Failure(
            id=f"{PERSONA}-source-{n}.png",
            origin=f"{n}.png",
            source="",
            kind="refused",
            reason="no-face",
            detail=f"{n}.png: no face found in 1024x1280 px, turned any way",
            remedy="use another photo",
        )
        for n in range(count)
    )
    steps = manifests | {
        "ingested": Manifest(manifests["ingested"].entries, failures),
        "lora_training": manifests["captions"],
    }
    scores = {f"{PERSONA}-s{n}": float(np.random.default_rng(n).uniform(0.4, 0.9)) for n in range(count)}
    group = {"images": count, "faces": count, "mean": 0.7, "by_image": scores}
    names = ("held_out", "photographs", "swaps", "samples_with", "samples_without", "targets")
    evaluation = Evaluation.model_validate(
        {
            "lora_effect": 3.0,
            "groups": dict.fromkeys(names, group),
            "samples": (),
            "notes": (),
        }
    )
    training = Training(steps=(1, 2), losses=(0.2, 0.1), judged=(), metrics={}, metadata={})
    run = run_of("report", config)

    def work() -> dict[str, Any]:
        got = Collected(
            places=PATHS,
            steps=steps,
            folders={name: PATHS.output(name) for name in [*manifests, "lora_training"]},
            judge=lambda picture: None,
            evaluation=evaluation,
            samples=Manifest((), ()),
            training=training,
            deliverables=(),
        )
        text = page(run, got)
        return {"bytes": len(text.encode()), "most_bytes": config.report.max_page_bytes}

    return work


def split(count: int, config: Config) -> Work:
    """train: which photographs are kept for validation."""
    from likeness.train.native.data import TrainingExample
    from likeness.train.native.split import split

    examples = [
        TrainingExample(
            path=Path(f"{n}.jpg"),
            text="",
            sha256=hexes(n),
            repeats=1,
            width=64,
            height=64,
            photograph=f"s{n}",
        )
        for n in range(count)
    ]
    return lambda: split(examples, 0.3)


def items(count: int, config: Config) -> Work:
    """`likeness items list` of N items, each two to a file."""
    from likeness.cli.items import list_items

    store = ItemStore(Path(config.items.root))
    for number in range(count):
        store.put(
            item_key("bench", 1, {}, [hexes(number)]),
            {"a": str(number // 2).encode() * 400},
            {"number": number},
        )

    def work() -> dict[str, str]:
        params = load_config(REPOSITORY / PARAMS)
        with (
            patch("likeness.cli.items.load_config", lambda _: params),
            contextlib.redirect_stdout(told := Lines()),
        ):
            list_items(as_json=False)
        return {"last": told.last}

    return work


MEASUREMENTS: dict[str, tuple[Callable[[int, Config], Work], int]] = {
    "duplicates": (duplicates, 4_000),
    "ingest": (ingest, 500),
    "ingest_again": (ingest_again, 500),
    "swap": (scale_stages.swap, 500),
    "resize": (scale_stages.resize, 500),
    "enhance": (scale_stages.enhance, 500),
    "caption": (scale_stages.caption, 500),
    "pairs": (pairs, 250),
    "record": (record, 2_500),
    "dataset": (dataset, 500),
    "train": (scale_stages.train, 250),
    "evaluate": (scale_stages.evaluate, 250),
    "report": (report, 2_500),
    "split": (split, 10_000),
    "items": (items, 1_000),
}
