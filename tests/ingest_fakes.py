"""Ingest without models: photos whose first pixels say what the instruments shall find in them."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import yaml

from likeness.faces import Face
from likeness.images import RGB, encode_png
from likeness.ingest import IngestConfig
from likeness.ingest.analyse import Instruments
from likeness.ingest.checks import Candidate
from likeness.ingest.raw import RawPhoto
from likeness.ingest.records import Measured, MeasuredFace
from likeness.safety.consent.parts import Adult, Floors, ResnetFloors, SFaceFloors
from likeness.safety.identity import RESNET, SFACE

FLOORS = Floors(
    decided_by="a test", why="faces of one mesh, and made-up ones",
    sface=SFaceFloors(source_min=0.5, swap_min=0.4, target_max=0.85),
    resnet=ResnetFloors(source_max=0.5, swap_max=0.5, target_min=0.35),
)  # fmt: skip
ADULT = Adult(attested_by="a test", age_years=30)
CONF = Path(__file__).parents[1] / "conf/ingest/default.yaml"
SIDE_PX = 320
FACE_PX = 150.0


def ingest_config(**changes: object) -> IngestConfig:
    """The shipped settings, with changes."""
    return IngestConfig.model_validate(yaml.safe_load(CONF.read_text()) | changes)


def embedding(person: int, wobble: float = 0.0, seed: int = 0) -> np.ndarray:
    """Unit vector [128]: persons are orthogonal, `wobble` turns one away from its person."""
    vector = np.zeros(128, np.float32)
    vector[person] = 1.0
    vector[64 + seed % 64] = wobble
    return vector / np.linalg.norm(vector)


def vectors(person: int, wobble: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    """The face of `embedding` as both networks have it: half as long to the resnet, so that .6 parts persons."""
    vector = embedding(person, wobble, seed)
    return {SFACE: vector, RESNET: vector / 2}


def photo(*, faces: int = 1, person: int = 0, age: int = 30, explicit: int = 0, seed: int = 0) -> RGB:
    """RGB pixels that `FAKES` reads as such; another seed gives another picture (hash and pixels)."""
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    rgb = np.kron(blocks, np.ones((SIDE_PX // 8, SIDE_PX // 8, 1), np.uint8))
    rgb[0, 0] = faces, person, age
    rgb[0, 1] = explicit, seed % 256, 0
    return rgb


class FakeFaces:
    """As many faces as the first pixel says."""

    calls = 0

    def faces(self, rgb: RGB) -> list[Face]:
        self.calls += 1
        count, person, _ = (int(v) for v in rgb[0, 0])
        return [a_face(embedding(person, 0.2, int(rgb[0, 1, 1])), FACE_PX - 5 * n) for n in range(count)]

    def identified(self, rgb: RGB, face: Face) -> Face:
        """The face with the embedding of the resnet, too, as `vectors` has it."""
        return replace(face, others={RESNET: face.embedding / 2})


class FakeAges:
    """The age of the first pixel."""

    def years(self, rgb: RGB, face: Face) -> float:
        return float(rgb[0, 0, 2])


def a_face(vector: np.ndarray, side_px: float) -> Face:
    return Face(
        box_px=(60.0, 60.0, side_px, side_px * 1.3),
        score=0.9,
        points5=np.zeros((5, 2), np.float32),
        landmarks=np.zeros((468, 3), np.float32),
        embedding=vector,
        yaw_deg=1.0,
        pitch_deg=2.0,
        roll_deg=3.0,
        sharpness=0.5,
        mouth_open=0.0,
        eyes_open=0.3,
    )


def fake_instruments() -> Instruments:
    """Instruments that read the first pixels."""
    faces = FakeFaces()
    return Instruments(
        faces=faces,
        identify=faces.identified,
        ages=FakeAges(),
        rate=lambda rgb: float("nan") if rgb[0, 1, 0] == 255 else int(rgb[0, 1, 0]) / 100,
        digest="fake",
        faces_version=1,
    )


def png(**what: int) -> bytes:
    """`photo` as a file."""
    return encode_png(photo(**what))


@dataclass
class FakeConsent:
    """Attestations of a test: person 0 is recorded; every target is licensed, unless said otherwise."""

    person: int = 0
    ages: dict[str, int] = field(default_factory=dict)
    unlicensed: tuple[str, ...] = ()
    persona: str = "jade"
    kind: str = "synthetic"
    floors: Floors | None = FLOORS
    adult: Adult = ADULT

    @property
    def face_vectors(self) -> dict[str, np.ndarray]:
        return vectors(self.person)

    def attested_age(self, role: str, file_name: str, sha256: str) -> int | None:
        return self.ages.get(file_name)

    def target_licence(self, file_name: str, sha256: str) -> str | None:
        return None if file_name in self.unlicensed else "CC0-1.0"

    def covers_photo(self, role: str, file_name: str, sha256: str) -> bool:
        return True

    def listed_sha256(self, role: str, file_name: str) -> str | None:
        return None


def measured_face(**changes: object) -> MeasuredFace:
    values = {
        "box_px": (60.0, 60.0, FACE_PX, 190.0),
        "score": 0.9,
        "yaw_deg": 0.0,
        "pitch_deg": 0.0,
        "sharpness": 0.5,
        "age_years": 30.0,
        "embedding": tuple(float(v) for v in embedding(0)),
    }
    given = values | changes
    given.setdefault("others", {RESNET: tuple(v / 2 for v in given["embedding"])})
    return MeasuredFace.model_validate(given)


def candidate(
    label: str = "s1",
    *,
    name: str | None = None,
    held_out: bool = False,
    faces: tuple[MeasuredFace, ...] | None = None,
    **changes: object,
) -> Candidate:
    """A photo that passes every check, unless changed; every label has its own pixels and hash."""
    number = int(label[1:])
    values = {
        "format": "PNG",
        "notes": (),
        "width": 1024,
        "height": 1280,
        "pixels_sha256": f"pixels of {label}",
        "average_hash": f"{np.random.default_rng(ord(label[0]) + 31 * number).integers(2**63):016x}",
        "explicit": 0.02,
        "faces": (measured_face(),) if faces is None else faces,
    }
    raw = RawPhoto(
        role="source" if label[0] == "s" else "target",
        number=number,
        path=Path(name or f"{label}.png"),
        held_out=held_out,
    )
    measured = Measured.model_validate(values | changes)
    return Candidate(raw=raw, sha256=f"sha256 of {label}", look=lambda: measured)
