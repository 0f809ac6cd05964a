"""Things by their number, made up from seeds: runs, faces, pictures, and the folders of N photographs."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from likeness.config import Config
from likeness.digests import sha256_bytes
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.run import Run
from likeness.safety.consent.load import read_consent
from likeness.store.items import ItemStore

PERSONA = "jade"
PATHS = PersonaPaths(PERSONA)
SIDE_PX = 64
ITEMS = Path(".cache/items")
Work = Callable[[], Any]


@dataclass(frozen=True, kw_only=True)
class MadeUpRun(Run):
    """A run under a consent record that no file holds."""

    record: Any

    @property
    def consent(self) -> Any:
        return self.record

    def require(self, *uses: str, midway: bool = False) -> None: ...


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


def _same(measured: Any) -> Any:
    return measured


def candidates(count: int) -> list[Any]:
    """Measured photographs of one person: a tenth with the hash of another."""
    from likeness.ingest.checks import Candidate
    from likeness.ingest.raw import RawPhoto
    from likeness.ingest.records import Measured, MeasuredFace

    photos: list[Any] = []
    for number in range(1, count + 1):
        face = MeasuredFace(
            box_px=(60, 60, 150, 190),
            score=0.9,
            yaw_deg=0,
            pitch_deg=0,
            sharpness=0.5,
            age_years=30,
            embedding=tuple(face_vector(number)),
        )
        measured = Measured(
            format="PNG",
            notes=(),
            width=1024,
            height=1280,
            pixels_sha256=hexes(number),
            explicit=0.02,
            average_hash=hexes(number - number % 10 // 9, 16),
            faces=(face,),
        )
        raw = RawPhoto(role="source", number=number, path=Path(f"{number}.png"), held_out=False)
        photos.append(Candidate(raw=raw, sha256=hexes(-number), look=partial(_same, measured)))
    return photos


def picture(number: int) -> np.ndarray:
    """A smooth picture with colours and a hash of its own."""
    blocks = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((SIDE_PX // 8, SIDE_PX // 8, 1), np.uint8))


@cache
def recorded() -> dict[str, np.ndarray]:
    """The recorded person's face by its embedders' names."""
    return read_consent(REPOSITORY / "consent", PERSONA).face_vectors


@cache
def made_up_face() -> Any:
    """The recorded person's face, as the detector would have it."""
    from likeness.faces import Face

    return Face(
        box_px=(16.0, 16.0, 32.0, 32.0),
        score=0.9,
        points5=np.zeros((5, 2), np.float32),
        landmarks=np.zeros((468, 3), np.float32),
        embedding=recorded()["sface-2021dec-int8bq"],
        yaw_deg=1.0,
        pitch_deg=2.0,
        roll_deg=0.0,
        sharpness=0.5,
        mouth_open=0.0,
        eyes_open=0.3,
    )


def identified(face: Any) -> Any:
    """The face with the embeddings of the other networks."""
    return replace(face, others={name: vector for name, vector in recorded().items() if "sface" not in name})


def folders(count: int, *, targets: int = 0) -> None:
    """All data folders of N photographs that went their way unchanged, as the stages before dataset write them; the last ones are
    targets."""
    from likeness.faces import to_json
    from likeness.images import encode_jpeg, encode_png
    from likeness.paths import face_file
    from likeness.pipeline.manifest import FaceEntry, write_manifest

    marks = {str(n): (1.0 * n, 2.0 * n, 0.5) for n in range(24)}
    face = FaceEntry(box_px=(16, 16, 32, 32), score=0.9, yaw_deg=4, pitch_deg=0, sharpness=0.5, age_years=33)
    drawn = face.model_copy(
        update={"marks_px": marks, "outline_px": tuple((1.0 * n, 2.0 * n) for n in range(36))}
    )
    before = [hexes(n) for n in range(count)]
    drawn_face = json.dumps(to_json(identified(made_up_face()))).encode()
    for name, word, ext in (
        ("ingested", "ingested", "png"),
        ("swapped", "swapped", "png"),
        ("resized", "resized", "png"),
        ("enhanced", "enhanced", "jpg"),
        ("captions", "enhanced", "txt"),
    ):
        folder, entries = PATHS.output(name), []
        folder.mkdir(parents=True)
        for number in range(count):
            role = "target" if number >= count - targets else "source"
            label = f"{role[0]}{number + 1}"
            text = f"{PERSONA} woman, a half-body photograph in soft light, number {number}"
            data = (
                text.encode()
                if ext == "txt"
                else {"png": encode_png, "jpg": encode_jpeg}[ext](picture(number))
            )
            file = f"{PERSONA}-{label}-sfw-{word}.{ext}"
            (folder / file).write_bytes(data)
            if name == "ingested":
                (folder / face_file(f"{PERSONA}-{label}")).write_bytes(drawn_face)
            made_here(data)
            entries.append(
                entry(
                    f"{PERSONA}-{label}",
                    file,
                    sha256_bytes(data),
                    faces=(face if name == "ingested" else drawn,),
                    parents=(before[number],),
                    origin=f"{number:06}.png",
                    roots={role: hexes(number)},
                    text=text if ext == "txt" else None,
                    face_sha256=sha256_bytes(drawn_face) if name == "ingested" else None,
                    **{role: label},
                )
            )
            if name != "captions":
                before[number] = entries[-1].sha256
        write_manifest(folder, entries, [])


def entry(image: str, file: str, sha256: str, *, side_px: int = SIDE_PX, **said: Any) -> Any:
    """The manifest line of a made-up picture, of which `said` are the columns that count."""
    from likeness.pipeline.manifest import Entry

    columns = {"source": None, "target": None, "faces": (), "provider": "none", "parents": (), **said}
    return Entry(
        id=image, file=file, sha256=sha256, width=side_px, height=side_px, rating="sfw", cost_usd=0, **columns
    )


def made_here(data: bytes) -> None:
    """Lay a picture into the item store, as a stage of this machine does: no door measures it again."""
    path = ItemStore(ITEMS).object_path(sha256_bytes(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def gate() -> Any:
    """What measures pictures for the doors, and sees the persona in each."""
    from likeness.safety.identity import vectors_json

    seen = {"side_px": 30.0, "sharpness": 0.5, "age_years": 30.0, **vectors_json(recorded())}
    return SimpleNamespace(measure=lambda rgb: {"explicit": 0.01, "faces": [seen]})


class Lines:
    """The last line that was written."""

    last = ""

    def write(self, text: str) -> int:
        self.last = text.strip().splitlines()[-1] if text.strip() else self.last
        return len(text)

    def flush(self) -> None: ...


REPOSITORY = Path(__file__).parents[1]
