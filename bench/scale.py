"""What four times as many cost: the seconds and the memory of stages' own work at N and at 4N, models and networks left out.

    python -m bench.scale [NAME[=N] ...]     a line of JSON each; without names, all

Floor: the same work at N. `time_ratio` is processor time at 4N over 4 times that at N, 1 where it is linear; `growth_kb` is
the peak of memory that each thing more adds. What pictures are and models say is made up from seeds. Each side is a process of
its own; what it prepares is not counted.
"""

import contextlib
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import yaml

from likeness.config import Config, load_config
from likeness.digests import sha256_bytes
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.run import Run
from likeness.safety.consent.load import read_consent
from likeness.store.items import ItemStore, item_key

PERSONA = "jade"
PATHS = PersonaPaths(PERSONA)
SIDE_PX = 64
Work = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class MadeUpRun(Run):
    """A run under a consent record that no file holds."""

    record: Any

    @property
    def consent(self) -> Any:
        return self.record

    def require(self, *uses: str) -> None: ...


def run_of(stage: str, config: Config) -> Run:
    """A run of a stage in the current folder, under the demo's record as if it were a real person's."""
    given = {
        "stage": stage,
        "config": config,
        "persona": config.personas[PERSONA],
        "repository": RepositoryPaths(Path.cwd()),
    }
    persona = given["persona"].model_copy(update={"held_out": ()})
    record = read_consent(REPOSITORY / "consent", PERSONA)
    return MadeUpRun(**given | {"persona": persona}, record=record.model_copy(update={"kind": "self"}))


def hexes(number: int, digits: int = 64) -> str:
    """A digest made up of a number."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:digits]


def face_vector(seed: int) -> list[float]:
    """A face near the persona's own: another of the same person."""
    vector = np.random.default_rng(seed).normal(size=128)
    return (vector / np.linalg.norm(vector)).round(6).tolist()


def candidates(count: int) -> list[Any]:
    """Measured photographs of one person: a tenth with the hash of another."""
    from likeness.ingest.checks import Candidate
    from likeness.ingest.raw import RawPhoto
    from likeness.ingest.records import Measured, MeasuredFace

    photos: list[Any] = []
    for number in range(1, count + 1):
        face = MeasuredFace(box_px=(60, 60, 150, 190), score=0.9, yaw_deg=0, pitch_deg=0, sharpness=0.5, age_years=30,
                            embedding=tuple(face_vector(number)))  # fmt: skip
        measured = Measured(format="PNG", notes=(), width=1024, height=1280, pixels_sha256=hexes(number), explicit=0.02,
                            average_hash=hexes(number - number % 10 // 9, 16), faces=(face,))  # fmt: skip
        raw = RawPhoto(role="source", number=number, path=Path(f"{number}.png"), held_out=False)
        photos.append(Candidate(raw=raw, sha256=hexes(-number), measured=measured))
    return photos


def duplicates(count: int, config: Config) -> Work:
    """ingest, and each plan: which photographs repeat another."""
    from likeness.ingest import select

    photos = candidates(count)
    return lambda: select.duplicates(photos, config.ingest.near_duplicate)


def picture(number: int) -> np.ndarray:
    """A smooth picture with colours and a hash of its own."""
    blocks = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((SIDE_PX // 8, SIDE_PX // 8, 1), np.uint8))


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
        faces=SimpleNamespace(faces=lambda rgb: [made_up_face()]), ages=SimpleNamespace(years=lambda rgb, face: 30.0),
        rate=lambda rgb: 0.01, digest="made up", faces_version=1, identify=lambda rgb, face: identified(face),
    )  # fmt: skip
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


@cache
def recorded() -> dict[str, np.ndarray]:
    """The recorded person's face by its embedders' names."""
    return read_consent(REPOSITORY / "consent", PERSONA).face_vectors


@cache
def made_up_face() -> Any:
    """The recorded person's face, as the detector would have it."""
    from likeness.faces import Face

    return Face(
        box_px=(16.0, 16.0, 32.0, 32.0), score=0.9, points5=np.zeros((5, 2), np.float32),
        landmarks=np.zeros((468, 3), np.float32), embedding=recorded()["sface-2021dec-int8bq"], yaw_deg=1.0, pitch_deg=2.0,
        roll_deg=0.0, sharpness=0.5, mouth_open=0.0, eyes_open=0.3,
    )  # fmt: skip


def identified(face: Any) -> Any:
    """The face with the embeddings of the other networks."""
    return replace(face, others={name: vector for name, vector in recorded().items() if "sface" not in name})


def pairs(count: int, config: Config) -> Work:
    """swap: the choice among N sources by N targets, and the lines of what is out of range."""
    from likeness.pipeline.manifest import write_manifest
    from likeness.swap.lighting import Traits
    from likeness.swap.pairs import choose_pairs
    from likeness.swap.range import Candidate

    def photo(seed: int) -> Candidate:
        random = np.random.default_rng(seed)
        face = replace(made_up, yaw_deg=float(random.normal(0, 20)), pitch_deg=float(random.normal(0, 10)),
                       box_px=(0.0, 0.0, 300.0, 300.0), mouth_open=float(random.uniform(0, 0.3)))  # fmt: skip
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


def folders(count: int) -> None:
    """All data folders of N photographs that went their way unchanged, as the stages before dataset write them."""
    from likeness.images import encode_jpeg, encode_png
    from likeness.pipeline.manifest import Entry, FaceEntry, write_manifest

    marks = {str(n): (1.0 * n, 2.0 * n, 0.5) for n in range(24)}
    face = FaceEntry(box_px=(16, 16, 32, 32), score=0.9, yaw_deg=4, pitch_deg=0, sharpness=0.5, age_years=33)
    drawn = face.model_copy(
        update={"marks_px": marks, "outline_px": tuple((1.0 * n, 2.0 * n) for n in range(36))}
    )
    before = [hexes(n) for n in range(count)]
    for name, word, ext in (("ingested", "ingested", "png"), ("swapped", "swapped", "png"), ("resized", "resized", "png"),
                            ("enhanced", "enhanced", "jpg"), ("captions", "enhanced", "txt")):  # fmt: skip
        folder, entries = PATHS.output(name), []
        folder.mkdir(parents=True)
        for number in range(count):
            text = f"{PERSONA} woman, a half-body photograph in soft light, number {number}"
            data = (
                text.encode()
                if ext == "txt"
                else {"png": encode_png, "jpg": encode_jpeg}[ext](picture(number))
            )
            file = f"{PERSONA}-s{number + 1}-sfw-{word}.{ext}"
            (folder / file).write_bytes(data)
            entries.append(
                Entry(
                    id=f"{PERSONA}-s{number + 1}", file=file, sha256=sha256_bytes(data), width=SIDE_PX, height=SIDE_PX,
                    source=f"s{number + 1}", target=None, rating="sfw", faces=(face if name == "ingested" else drawn,),
                    provider="none", cost_usd=0, parents=(before[number],), origin=f"{number:06}.png",
                    roots={"source": hexes(number)}, text=text if ext == "txt" else None,
                )
            )  # fmt: skip
            if name != "captions":
                before[number] = entries[-1].sha256
        write_manifest(folder, entries, [])


def dataset(count: int, config: Config) -> Work:
    """The stage dataset, its gate replaced by one that sees the persona."""
    import stages.dataset
    from likeness.safety.identity import vectors_json

    folders(count)
    vectors = recorded()
    seen = {"side_px": 30.0, "sharpness": 0.5, "age_years": 30.0}
    gate = SimpleNamespace(
        measure=lambda rgb: {"explicit": 0.01, "faces": [{**seen, **vectors_json(vectors)}]}
    )
    run = run_of("dataset", config.model_copy(
        update={"dataset": config.dataset.model_copy(update={"side_px": SIDE_PX})}
    ))  # fmt: skip

    def work() -> None:
        with patch.object(stages.dataset, "PictureGate", lambda embedder: gate):
            stages.dataset.main(run)

    return work


def report(count: int, config: Config) -> Work:
    """The page of N training images and as many photographs that were refused."""
    from likeness.pipeline.manifest import Failure, Manifest, read_manifest
    from likeness.report.collect import Collected, Evaluation, Group, Training
    from likeness.report.page import page

    folders(count)
    manifests = {
        name: read_manifest(PATHS.output(name))
        for name in ("ingested", "swapped", "resized", "enhanced", "captions")
    }
    failures = tuple(
        Failure(id=f"{PERSONA}-source-{n}.png", origin=f"{n}.png", source="", kind="refused", reason="no-face",
                detail=f"{n}.png: no face found in 1024x1280 px, turned any way", remedy="use another photo")
        for n in range(count)
    )  # fmt: skip
    steps = manifests | {
        "ingested": Manifest(manifests["ingested"].entries, failures), "lora_training": manifests["captions"],
    }  # fmt: skip
    scores = {f"{PERSONA}-s{n}": float(np.random.default_rng(n).uniform(0.4, 0.9)) for n in range(count)}
    group = Group(images=count, faces=count, mean=0.7, by_image=scores)
    names = ("held_out", "photographs", "swaps", "samples_with", "samples_without", "targets")
    evaluation = Evaluation.model_validate(
        {
            "lora_effect": 3.0,
            "groups": {name: group.model_dump() for name in names},
            "samples": (),
            "notes": (),
        }
    )
    training = Training(steps=(1, 2), losses=(0.2, 0.1), judged=(), metrics={}, metadata={})
    run = run_of("report", config)

    def work() -> dict[str, Any]:
        got = Collected(
            places=PATHS, steps=steps, folders={name: PATHS.output(name) for name in [*manifests, "lora_training"]},
            judge=lambda picture: None, evaluation=evaluation, samples=Manifest((), ()), training=training, deliverables=(),
        )  # fmt: skip
        text = page(run, got)
        return {"bytes": len(text.encode()), "most_bytes": config.report.max_page_bytes}

    return work


def split(count: int, config: Config) -> Work:
    """train: which photographs are kept for validation."""
    from likeness.train.native.data import TrainingExample
    from likeness.train.native.split import split

    examples = [
        TrainingExample(path=Path(f"{n}.jpg"), text="", sha256=hexes(n), repeats=1, width=64, height=64, photograph=f"s{n}")
        for n in range(count)
    ]  # fmt: skip
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


class Lines:
    """The last line that was written."""

    last = ""

    def write(self, text: str) -> int:
        self.last = text.strip().splitlines()[-1] if text.strip() else self.last
        return len(text)

    def flush(self) -> None: ...


MEASUREMENTS: dict[str, tuple[Callable[[int, Config], Work], int]] = {
    "duplicates": (duplicates, 4_000),
    "ingest": (ingest, 500),
    "ingest_again": (ingest_again, 500),
    "pairs": (pairs, 250),
    "record": (record, 2_500),
    "dataset": (dataset, 500),
    "report": (report, 2_500),
    "split": (split, 10_000),
    "items": (items, 1_000),
}
REPOSITORY = Path(__file__).parents[1]


def measure(name: str, count: int) -> None:
    """One side, in this process: seconds, the peak of memory above what was prepared, and what the work says."""
    prepare, _ = MEASUREMENTS[name]
    config = load_config(REPOSITORY / PARAMS)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stderr(None):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (the process ends with it)
        work = prepare(count, config)
        prepared_kb = _memory_kb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        told = work()
        wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {"count": count, "cpu_s": cpu_s, "wall_s": wall_s, "peak_kb": _memory_kb("VmHWM") - prepared_kb}
    sys.stdout.write(json.dumps(row | (told if isinstance(told, dict) else {})) + "\n")


def _memory_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def side(name: str, count: int) -> dict[str, Any]:
    """See `measure`; in a process of its own."""
    command = [sys.executable, "-m", "bench.scale", "--one", name, str(count)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=REPOSITORY).stdout)


def main(names: list[str]) -> None:
    for asked in names or MEASUREMENTS:
        name, _, given = asked.partition("=")
        count = int(given or MEASUREMENTS[name][1])
        small, large = side(name, count), side(name, 4 * count)
        row = {"bench": f"scale.{name}"} | {key: [small[key], large[key]] for key in large}
        row["time_ratio"] = large["cpu_s"] / (4 * small["cpu_s"])
        row["growth_kb"] = (large["peak_kb"] - small["peak_kb"]) / (3 * count)
        sys.stdout.write(json.dumps(row, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main(sys.argv[1:])
