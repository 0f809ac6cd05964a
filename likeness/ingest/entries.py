"""From raw files to work for the batch, and from its outcomes to lines of manifest and failures."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from likeness.digests import sha256_file
from likeness.ingest import IngestConfig
from likeness.ingest.analyse import FACE, PHOTO, Instruments, analyse, photo_key
from likeness.ingest.checks import Candidate, Refusal, rating_of
from likeness.ingest.decode import Limits, matches_suffix
from likeness.ingest.kinds import RAW_SUFFIXES, camera_raw
from likeness.ingest.limits import unreadable
from likeness.ingest.listing import Stray
from likeness.ingest.raw import RawPhoto
from likeness.ingest.records import Measured
from likeness.lazy import Lazy, Spool
from likeness.paths import face_file, image_name, item_id
from likeness.pipeline.batch import REMEMBERED, Line, Outcome, Work
from likeness.pipeline.manifest import Entry, Failure
from likeness.safety.consent import Role
from likeness.store.items import Item

# A photo is asked about several times in a row, and compared with others.
AT_HAND = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Hashed:
    """A raw file whose bytes could be read, with their sha256."""

    raw: RawPhoto
    sha256: str


UNREAD = ("truncated", "not-an-image", "unsupported-kind", "too-many-pixels")
"""Reasons for which nothing of a file was read."""


def photo_id(persona: str, raw: RawPhoto) -> str:
    """`jade-s1` or `jade-t1`."""
    return item_id(persona, raw.label, None)


def file_id(persona: str, role: Role, name: str) -> str:
    """`jade-source-IMG_1.jpg`: what has no number is called after its file."""
    return item_id(persona, f"{role}-{name}", None)


def hash_files(persona: str, raws: Iterable[RawPhoto]) -> tuple[Sequence[Hashed], Sequence[Failure]]:
    """Digest every raw file; one that cannot be read at all is a failure."""
    hashed, failures = Spool[Hashed](), Spool[Failure]()
    for raw in raws:
        try:
            hashed.append(Hashed(raw=raw, sha256=sha256_file(raw.path)))
        except OSError as error:
            failures.append(_failure(persona, raw.role, raw.name, **unreadable(error).refusal))
    return hashed, failures


def works_for(
    persona: str,
    files: Sequence[Hashed],
    limits: Limits,
    instruments: Instruments,
    refusal_of: Callable[[Candidate], Refusal | None],
) -> Sequence[Work]:
    """One unit of work a file; equal bytes share a key. What `refusal_of` says no to is not kept."""

    def work(number: int) -> Work:
        file = files[number]
        return Work(
            id=file_id(persona, file.raw.role, file.raw.name),
            key=photo_key(file.sha256, limits, instruments),
            make=partial(analyse, file.raw.path, file.sha256, limits, instruments),
            judge=partial(_judge, file, refusal_of),
            source=file.raw.source,
            target=file.raw.target,
        )

    return Lazy(len(files), work)


def measured_of(record: Mapping[str, Any]) -> Measured:
    """What a record says was measured, whatever else stands in it."""
    return Measured.model_validate({name: record[name] for name in Measured.model_fields if name in record})


def _judge(
    file: Hashed, refusal_of: Callable[[Candidate], Refusal | None], record: Mapping[str, Any]
) -> None:
    measured = measured_of(record)
    suffix = file.raw.path.suffix.lower()
    if suffix in RAW_SUFFIXES and measured.format == "TIFF":  # a preview, by whatever name
        raise camera_raw(f"by its name, {file.raw.path.suffix}")
    if refusal := refusal_of(Candidate(raw=file.raw, sha256=file.sha256, look=lambda: measured)):
        raise refusal.error()


def candidates_of(
    persona: str, files: Sequence[Hashed], outcomes: Sequence[Outcome]
) -> tuple[Sequence[int], Sequence[Candidate], Sequence[Failure]]:
    """Split finished photos from unreadable ones, whose failures now name the file; the numbers are those of the finished ones'
    outcomes."""
    finished, failures = array("q"), Spool[Failure]()
    read = lru_cache(AT_HAND)(partial(_measured, outcomes))

    def photo(at: int) -> Candidate:
        number, file = finished[at], files[finished[at]]
        return Candidate(raw=file.raw, sha256=file.sha256, look=partial(read, number))

    for number, (file, outcome) in enumerate(zip(files, outcomes, strict=True)):
        if outcome.item is not None:
            finished.append(number)
        elif outcome.failure is not None:
            why = outcome.failure.model_dump(include=REMEMBERED)
            if file.raw.path.suffix.lower() in RAW_SUFFIXES and why["reason"] in UNREAD:
                # A family of raw files that its bytes do not give away: what was read of it, if anything, is a preview.
                why = camera_raw(f"by its name, {file.raw.path.suffix}").refusal
            failures.append(_failure(persona, file.raw.role, file.raw.name, **why))
    return finished, Lazy(len(finished), photo), failures


def _measured(outcomes: Sequence[Outcome], number: int) -> Measured:
    item = outcomes[number].item
    assert item is not None
    return Measured.model_validate(item.record)


def failure_of(persona: str, raw: RawPhoto, refusal: Refusal) -> Failure:
    """A refusal as a line of failures.jsonl."""
    return _failure(persona, raw.role, raw.name, kind="refused", **vars(refusal))


def stray_failure(persona: str, role: Role, stray: Stray) -> Failure:
    """The line of a file that is not read."""
    line = _failure(persona, role, **vars(stray))
    return line.model_copy(update={"items": 0}) if stray.kind == "skipped" else line


def _failure(persona: str, role: Role, name: str, *, detail: str, **why: Any) -> Failure:
    """The line of a file that has no number; `why` is `kind`, `reason` and `remedy`."""
    unnumbered: dict[str, Any] = {role: ""}
    return Failure(
        id=file_id(persona, role, name), origin=name, detail=f"{name}: {detail}", **unnumbered, **why
    )


def entry_of(
    persona: str,
    photo: Candidate,
    item: Item,
    *,
    cfg: IngestConfig,
    similarity: float | None,
    replaced: str | None,
) -> Line:
    """An accepted photo's line of the manifest, and its files {name in the folder: name in the item}."""
    raw, measured = photo.raw, photo.measured
    word, explicit = rating_of(photo, cfg), measured.explicit
    if word == "explicit" or explicit is None:
        raise ValueError(f"{photo_id(persona, raw)} was accepted although it is explicit or not rated")
    name = image_name(persona, raw.label, None, word, "ingested", "png")
    scores = {"explicit": explicit} | ({} if similarity is None else {"similarity": round(similarity, 4)})
    entry = Entry(
        id=photo_id(persona, raw),
        file=name,
        sha256=item.files[PHOTO].sha256,
        width=measured.width,
        height=measured.height,
        source=raw.source,
        target=raw.target,
        rating=word,
        faces=tuple(face.entry() for face in measured.faces),
        provider="local",
        cost_usd=0.0,
        parents=(photo.sha256,),
        roots={raw.role: photo.sha256},
        face_sha256=item.files[FACE].sha256,
        scores=scores,
        origin=raw.name,
        held_out=raw.held_out,
        replaced=replaced,
    )
    return entry, {name: PHOTO, face_file(photo_id(persona, raw)): FACE}


def notes_of(persona: str, photos: Iterable[Candidate]) -> Iterator[dict[str, Any]]:
    """What was changed or noticed on reading `photos`, where there is something to say."""
    for photo in photos:
        notes = list(photo.measured.notes)
        if not matches_suffix(photo.raw.name, format := photo.measured.format):
            notes.append(f"the name says {photo.raw.path.suffix or 'nothing'}, the content is {format}")
        if others := len(photo.measured.faces) - 1:
            notes.append(f"{others} small face(s) in the background")
        if notes:
            yield {"id": photo_id(persona, photo.raw), "origin": photo.raw.name, "notes": notes}
