"""manifest.jsonl and failures.jsonl: what a stage made, and what it did not and why.

One line an item, in the order of ids, with no times and no run ids: equal content, equal bytes.
"""

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, field_validator

from likeness.disk import write_parts
from likeness.errors import FailureKind, InputError
from likeness.lazy import Lazy, Spool, chosen
from likeness.paths import inside, require_file
from likeness.settings import Record

_R = TypeVar("_R", bound="Record")

MANIFEST = "manifest.jsonl"
FAILURES = "failures.jsonl"

# A crop keeps its own pixels up to this many times the size it is trained at; one that has as many is not enlarged.
OWN_SCALE = 2


class FoundFace(Record):
    """One face: box (x, y, width, height in px), angles in degrees, apparent age in years where judged."""

    box_px: tuple[float, float, float, float]
    score: float
    yaw_deg: float
    pitch_deg: float
    sharpness: float
    age_years: float | None


class FaceEntry(FoundFace):
    """A face of a line. Of the one that is meant also, from swap on: mouth and eyes (`Face`), points (x, y, z in px) by
    their names in `faces.mesh.MARKS`, and the corners (x, y in px) of its outline where the landmarks can be trusted."""

    roll_deg: float | None = None
    mouth_open: float | None = None
    eyes_open: float | None = None
    marks_px: dict[str, tuple[float, float, float]] | None = None
    outline_px: tuple[tuple[float, float], ...] | None = None

    def moved(
        self, across: float, down: float, *, left: float = 0.0, top: float = 0.0, digits: int = 2
    ) -> "FaceEntry":
        """The face in an image cut at (left, top), then scaled by `across` and `down`."""
        x, y, w, h = self.box_px
        box = ((x - left) * across, (y - top) * down, w * across, h * down)

        def point(x: float, y: float) -> tuple[float, float]:
            return round((x - left) * across, digits), round((y - top) * down, digits)

        marks = self.marks_px and {
            name: (*point(x, y), round(z * across, digits)) for name, (x, y, z) in self.marks_px.items()
        }
        outline = self.outline_px and tuple(point(*corner) for corner in self.outline_px)
        rounded = tuple(round(value, digits) for value in box)
        return self.model_copy(update={"box_px": rounded, "marks_px": marks, "outline_px": outline})


class Entry(Record):
    """One finished image, or text about one.

    `source` and `target` are the labels s1 and t1, `parents` the sha256 digests of its inputs, `origin` the name of the
    raw file (of a swap's source photograph), `neural` whether a trained network drew the face that a swap put in,
    `bucket_px` the size (width, height) that its crop is trained at. `replaced` says where a photograph has other bytes than
    when it got its number: what a person wrote was written about those. `allowed_words` are those of `text` that a person
    allowed in captions_override/allowed.yaml.

    `face_sha256` is the digest of the face that ingest wrote beside a photograph.
    `roots` are the sha256 of the photographs' files that it all began with, by their role. `pdq` is how a training image looks
    (marks/pdq.py).
    """

    id: str
    file: str
    sha256: str
    width: int
    height: int
    source: str | None
    target: str | None
    rating: Literal["sfw", "review"]
    faces: tuple[FaceEntry, ...]
    provider: str
    cost_usd: float
    parents: tuple[str, ...]
    scores: dict[str, float] = Field(default={})
    origin: str | None = None
    held_out: bool = False
    replaced: str | None = None
    text: str | None = None
    neural: bool | None = None
    bucket_px: tuple[int, int] | None = None
    allowed_words: tuple[str, ...] = ()
    roots: dict[Literal["source", "target"], str] = Field(default={})
    face_sha256: str | None = None
    pdq: str | None = None

    @field_validator("file")
    @classmethod
    def _stays_in_its_folder(cls, value: str) -> str:
        return inside(value)

    @field_validator("id")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("an id is part of file names")
        return inside(value)

    @property
    def has_own_pixels(self) -> bool:
        """Whether the photograph itself fills the crop, so that no pixel need be invented, and none paid for."""
        return self.bucket_px is not None and self.width >= OWN_SCALE * self.bucket_px[0]

    def next(self, *, file: str, sha256: str, provider: str, **changes: Any) -> Self:
        """The entry of what a stage makes of this one: a column it does not name is carried on, scores are added to.

        Its parent is this entry and its cost nothing, unless `changes` say otherwise.
        """
        made = {"file": file, "sha256": sha256, "provider": provider}
        usual = {"cost_usd": 0.0, "parents": (self.sha256,), "face_sha256": None}
        scores = {**self.scores, **changes.pop("scores", {})}
        return self.model_validate({**dict(self), **made, **usual, **changes, "scores": scores})

    def failure(self, **why: Any) -> "Failure":
        """The line about this image where it goes no further: `kind`, `reason`, `detail` and `remedy` of a `Failure`."""
        return Failure(id=self.id, source=self.source, target=self.target, **why)


class Failure(Record):
    """One item that was refused, skipped or failed, and what a person can do about it; `source`, `target` and `origin`
    as in its entry. A photograph that has no number has an empty label.

    A line may stand for several `items`: the pairs that one target makes with all sources beyond a limit; or for none: a
    file that lies beside the items.
    """

    id: str
    source: str | None = None
    target: str | None = None
    origin: str | None = None
    kind: FailureKind
    reason: str
    detail: str
    remedy: str
    items: int = Field(default=1, ge=0)


def count_items(failures: Iterable[Failure], by: Callable[[Failure], str]) -> Counter[str]:
    """How many items the lines stand for, by kind or by reason."""
    counts = Counter[str]()
    for failure in failures:
        counts[by(failure)] += failure.items
    return counts


def _records(lines: Sequence[bytes], kind: type[_R]) -> Lazy[_R]:
    """What the lines say, each read again when it is asked for."""
    return Lazy(len(lines), lambda number: kind.model_validate_json(lines[number]))


@dataclass(frozen=True)
class Manifest:
    """Both files of a stage's folder."""

    entries: Sequence[Entry]
    failures: Sequence[Failure]

    @property
    def left_out(self) -> Counter[str]:
        """How many items were refused, skipped, failed."""
        return count_items(self.failures, lambda failure: failure.kind)


def made_again(folder: Path) -> str:
    """What to do about a file of a stage's folder that is not as it was written."""
    return f"run `dvc repro`, so that the stage which writes {folder} makes it again"


def natural(text: str) -> bytes:
    """Sort key that puts s2 before s10, and s0 before s00: only equal texts are equal. One piece, since a stage sorts all its images:
    letters end with a zero, and before digits stands how many they are."""
    letters, *rest = re.split(r"([0-9]+)", text)
    key = letters.encode("utf-8", "surrogatepass") + b"\0"
    for digits, letters in zip(rest[::2], rest[1::2], strict=True):
        number = digits.lstrip("0")
        key += len(number).to_bytes(2) + f"{number}{digits}\0".encode()
        key += letters.encode("utf-8", "surrogatepass") + b"\0"
    return key


def write_manifest(folder: Path, entries: Iterable[Entry], failures: Iterable[Failure]) -> Manifest:
    """Write both files atomically, in the order of ids; all entries are made before the first failure is."""
    made = _ordered(entries, Entry, lambda entry: natural(entry.id))
    failed = _ordered(failures, Failure, lambda one: (natural(one.id), one.reason))
    for name, (lines, _) in ((FAILURES, failed), (MANIFEST, made)):
        write_parts(folder / name, lines)
    return Manifest(made[1], failed[1])


def _ordered(records: Iterable[_R], kind: type[_R], key: Callable[[_R], Any]) -> tuple[Lazy[bytes], Lazy[_R]]:
    """Their lines and they themselves in the order of keys. Records come in a few runs that are in order already: in memory is one
    key of each run."""
    lines, keys, runs, last = Spool[bytes](), Spool[Any](), [0], None
    for record in records:
        lines.append(_line(record))
        keys.append(this := key(record))
        if last is not None and this < last:
            runs.append(len(lines) - 1)
        last = this
    parts = (range(begin, end) for begin, end in pairwise([*runs, len(lines)]))
    ordered = chosen(lines, array("q", merge(*parts, key=keys.__getitem__)))
    return ordered, _records(ordered, kind)


def read_manifest(folder: Path) -> Manifest:
    """Both files of a folder, as they are now.

    Raises:
        InputError: a file is missing or a line does not fit; names the file, the line and the remedy.
    """
    return Manifest(_read(folder / MANIFEST, Entry), _read(folder / FAILURES, Failure))


def _line(record: Record) -> bytes:
    values = record.model_dump(mode="json", exclude_defaults=True)
    return (json.dumps(values, ensure_ascii=False) + "\n").encode()


def _read(path: Path, kind: type[_R]) -> Lazy[_R]:
    remedy = made_again(path.parent)
    require_file(path, reason="no-manifest", remedy=remedy)
    lines = Spool[bytes]()
    # Bytes: JSON leaves U+2028 and its like inside strings, where text would end a line.
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                kind.model_validate_json(line)
            except ValidationError as error:
                what = f"{path}:{number} cannot be read: {error}"
                raise InputError(what, reason="bad-manifest", remedy=remedy) from error
            lines.append(line)
    return _records(lines, kind)
