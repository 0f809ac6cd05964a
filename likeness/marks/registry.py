"""marks/registry.jsonl: the meaning of each mark in a picture's pixels.

One line a publication and one a published copy, append-only: each names the sha256 of the line before it and is
signed by the key that signed the picture. Whoever has the file can tell whose a found picture is; it holds no face and no
name but the persona's. The mark of a publication is drawn by lot: see `pixels.chance`.
"""

import contextlib
import fcntl
import json
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from likeness.digests import Sha256, sha256_bytes
from likeness.disk import append
from likeness.errors import InputError
from likeness.key_files import verified
from likeness.marks.keys import SigningKey
from likeness.marks.pdq import distance
from likeness.marks.pixels import draw_mark
from likeness.paths import require_file
from likeness.settings import Record

FIRST = "0" * 64
MAX_BYTES = 256 * 2**20
Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{8}\z")]


class Line(Record):
    """What all lines have: the mark, the line before, and the signature over all of it but itself."""

    mark: Mark
    previous: Sha256
    key: Sha256 = Field(description="the public key, 32 bytes in hex")
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?\z")

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return _canonical(self.model_dump(mode="json", exclude={"signature"}))

    @property
    def bytes(self) -> bytes:
        """The line in the file."""
        return _canonical(self.model_dump(mode="json")) + b"\n"


class Publication(Line):
    """A mark, and whose publication under which consent record it stands for."""

    kind: Literal["publication"] = "publication"
    persona: str = Field(max_length=64)
    consent: str = Field(max_length=64)
    consent_sha256: Sha256


class Copy(Line):
    """A published file, or a picture in an archive: the sha256 of what left and of what it was made from; of a picture that
    carries the mark in its pixels also its PDQ hashes."""

    kind: Literal["copy"] = "copy"
    name: str = Field(max_length=255)
    sha256: Sha256
    of: Sha256
    pdq: tuple[Sha256, ...] = Field(max_length=64)


_LINE = TypeAdapter[Publication | Copy](Annotated[Publication | Copy, Field(discriminator="kind")])


@dataclass(frozen=True)
class Registry:
    """The lines of a registry's file, in their order."""

    lines: tuple[Publication | Copy, ...] = ()

    @property
    def publications(self) -> dict[str, Publication]:
        """By mark."""
        return {line.mark: line for line in self.lines if isinstance(line, Publication)}

    @property
    def copies(self) -> dict[str, Copy]:
        """By the sha256 of the published file."""
        return {line.sha256: line for line in self.lines if isinstance(line, Copy)}

    def nearest(self, pdq: str) -> dict[str, int]:
        """By mark: how far this PDQ is from the nearest picture of that publication."""
        hashes: dict[str, list[str]] = {}
        for line in self.lines:
            if isinstance(line, Copy):
                hashes.setdefault(line.mark, []).extend(line.pdq)
        return {mark: distance(pdq, found) for mark, found in hashes.items()}


def read_registry(path: Path) -> Registry:
    """The whole file, each line's place in the chain and its signature checked.

    Raises:
        InputError: `bad-registry`: names the first line that does not hold.
    """
    if not path.exists() and not path.is_symlink():
        return Registry()
    if path.is_symlink() or not path.is_file():
        raise _broken(path, 1, "it is a link or no file")
    if path.stat().st_size > MAX_BYTES:
        raise _broken(path, 1, f"the file is larger than {MAX_BYTES} bytes")
    return Registry(tuple(parse_lines(path.read_bytes(), path)))


def read_registries(folder: Path, more: Iterable[Path] = ()) -> Registry:
    """All registries of a folder, and `more` files, joined.

    Raises:
        InputError: `bad-registry`, as `read_registry`, and where a file gives a mark that another key gave before: each could
            call the other's pictures its own. `missing-file`: one of `more` is not there.
    """
    lines, owners = list[Publication | Copy](), dict[str, str]()
    named = [require_file(path, remedy="give the marks.jsonl of a publication") for path in more]
    for path in (*sorted(folder.glob("*.jsonl")), *named):
        for number, line in enumerate(read_registry(path).lines, start=1):
            if isinstance(line, Publication) and owners.setdefault(line.mark, line.key) != line.key:
                raise _broken(
                    path, number, f"the mark {line.mark} belongs to another key, which another file names"
                )
            lines.append(line)
    return Registry(tuple(lines))


def parse_lines(data: bytes, path: Path) -> Iterable[Publication | Copy]:
    """The lines of a registry's bytes; see `read_registry`."""
    previous, owners = FIRST, dict[str, str]()
    for number, text in enumerate(data.split(b"\n"), start=1):
        if not text:
            if number <= data.count(b"\n"):
                raise _broken(path, number, "it is empty")
            return
        try:
            line = _LINE.validate_json(text)
        except (ValidationError, RecursionError) as error:
            raise _broken(path, number, "it does not read as a line of a registry") from error
        if line.bytes != text + b"\n" or line.previous != previous:
            raise _broken(path, number, "a line before it was changed, taken out or put in")
        if not verified(bytes.fromhex(line.key), bytes.fromhex(line.signature), line.signed_bytes()):
            raise _broken(path, number, "its signature is not that of its key")
        if isinstance(line, Publication):
            if line.mark in owners:
                raise _broken(path, number, f"the mark {line.mark} is given twice")
            owners[line.mark] = line.key
        elif owners.get(line.mark) != line.key:
            raise _broken(path, number, f"the mark {line.mark} belongs to another key, or to nobody")
        previous = sha256_bytes(line.bytes)
        yield line


def publication_of(
    path: Path, key: SigningKey, persona: str, consent: str, consent_sha256: str
) -> Publication:
    """The persona's publication under this record and key; a new mark is drawn and written down where there is none."""

    def same(line: Publication | Copy) -> bool:
        return (
            isinstance(line, Publication)
            and line.key == key.public.hex()
            and (line.persona, line.consent, line.consent_sha256) == (persona, consent, consent_sha256)
        )

    with _locked(path) as registry:
        known = next((line for line in registry.lines if same(line)), None)
        if isinstance(known, Publication):
            return known
        marks = registry.publications
        mark = next(mark for mark in iter(lambda: f"{draw_mark():08x}", "") if mark not in marks)
        line = Publication(
            mark=mark,
            previous=FIRST,
            key=key.public.hex(),
            persona=persona,
            consent=consent,
            consent_sha256=consent_sha256,
        )
        written = _append(path, registry, [line], key)[0]
        assert isinstance(written, Publication)
        return written


def add_copies(path: Path, key: SigningKey, pictures: Iterable[Copy]) -> None:
    """Write down the pictures that are not there yet."""
    with _locked(path) as registry:
        known = registry.copies
        _append(path, registry, [one for one in pictures if one.sha256 not in known], key)


def _append(
    path: Path, registry: Registry, lines: Iterable[Publication | Copy], key: SigningKey
) -> list[Publication | Copy]:
    previous = sha256_bytes(registry.lines[-1].bytes) if registry.lines else FIRST
    written: list[Publication | Copy] = []
    for line in lines:
        line = line.model_copy(update={"previous": previous})
        line = line.model_copy(update={"signature": key.private.sign(line.signed_bytes()).hex()})
        previous = sha256_bytes(line.bytes)
        written.append(line)
    append(path, b"".join(line.bytes for line in written))
    return written


@contextlib.contextmanager
def _locked(path: Path) -> Generator[Registry]:
    """The registry, read while no other program writes to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield read_registry(path)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _broken(path: Path, number: int, why: str) -> InputError:
    return InputError(
        f"{path}:{number}: {why}",
        reason="bad-registry",
        remedy="bring back the file as it was committed: lines are only ever added at its end",
    )
