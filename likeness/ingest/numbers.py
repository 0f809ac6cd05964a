"""The numbers of photographs: data/PERSONA/raw/numbers.yaml records which photograph is s3, whatever is added later.

Everything made of a photograph, and everything a person writes about it, is called after its number. So a photograph
keeps the number it got, a new one takes the next wherever its name sorts, and one that is refused takes none.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from likeness.digests import Sha256
from likeness.disk import write_parts
from likeness.errors import ConfigError
from likeness.paths import same_name
from likeness.safety.consent import Role
from likeness.settings import Record
from likeness.strict_yaml import MAX_BYTES, read_checked

HEADER = """\
# The numbers of the photographs that were accepted once: jade-s3 is the source with number 3. ingest adds to this file
# and takes nothing away; commit it. A photograph is known by its name or by its bytes; where both disagree, it is refused.
"""
REMEDY = (
    "correct what it says: of a merge keep the lines of both sides, "
    "and give the next free number to one of two photographs with the same"
)


@dataclass(frozen=True, kw_only=True, slots=True, config=ConfigDict(extra="forbid"))
class Numbered:
    """A photograph's number, and its bytes when it got it. All of them are held at once: a model would be 400 bytes more."""

    number: Annotated[int, Field(ge=1)]
    sha256: Sha256


class Numbers(Record):
    """By the names of the files."""

    sources: dict[str, Numbered] = Field(default={})
    targets: dict[str, Numbered] = Field(default={})

    def of(self, role: Role) -> dict[str, Numbered]:
        """Those of one folder."""
        return self.sources if role == "source" else self.targets


def read_numbers(path: Path) -> Numbers:
    """The numbers given so far; none where there is no file.

    Raises:
        ConfigError: the file does not read, or gives a number twice.
    """
    numbers = read_checked(path, Numbers, reason="bad-numbers", remedy=REMEDY)
    for folder in (numbers.sources, numbers.targets):
        given = Counter(one.number for one in folder.values())
        if twice := {number for number, times in given.items() if times > 1}:
            names = " and ".join(name for name, one in folder.items() if one.number in twice)
            raise ConfigError(f"{path} gives the same number to {names}", reason="bad-numbers", remedy=REMEDY)
    return numbers


def disputes(known: dict[str, Numbered]) -> Callable[[str, str], str | None]:
    """Why the number of a photograph (name, sha256) cannot be told: its name is one photograph's, its bytes are another's."""
    by_bytes = {one.sha256: name for name, one in reversed(known.items())}

    def disputed(name: str, sha256: str) -> str | None:
        by_name, other = known.get(same_name(name)), by_bytes.get(sha256)
        if by_name is None or by_name.sha256 == sha256 or other is None:
            return None
        return (
            f"by its name it is number {by_name.number} (sha256 {by_name.sha256}), but it has the bytes of {other}, "
            f"number {known[other].number} (sha256 {sha256})"
        )

    return disputed


def replaced(known: dict[str, Numbered], name: str, sha256: str) -> str | None:
    """What to say where a photograph has not the bytes that got its number: both digests."""
    one = known[same_name(name)]
    if one.sha256 == sha256:
        return None
    return f"{name} had sha256 {one.sha256} when it got its number, now it has {sha256}"


def give(
    known: dict[str, Numbered], accepted: Iterable[tuple[str, str]], present: Iterable[str]
) -> dict[str, Numbered]:
    """The numbers with those of the accepted photographs (name, sha256), of which `present` names all in the folder."""
    numbers = dict(known)
    missing = dict(known)
    for name in present:
        missing.pop(same_name(name), None)
    gone: dict[str, list[str]] = {}
    for name, one in missing.items():
        gone.setdefault(one.sha256, []).append(name)
    fresh: list[tuple[str, str]] = []
    for name, sha256 in accepted:
        name = same_name(name)
        if name in numbers:
            continue
        if old := gone.get(sha256):  # the same bytes under a new name: the file was renamed
            numbers[name] = numbers.pop(old.pop(0))
        else:
            fresh.append((name, sha256))
    following = max((one.number for one in numbers.values()), default=0) + 1
    for number, (name, sha256) in enumerate(fresh, start=following):
        numbers[name] = Numbered(number=number, sha256=sha256)
    return numbers


def write_numbers(path: Path, numbers: Numbers) -> None:
    """Keep the numbers, unless the file says so already.

    Raises:
        ConfigError: the folder cannot be written to, or nobody could read so large a file.
    """
    if numbers == read_numbers(path):
        return
    try:
        write_parts(path, _readable(path, map(str.encode, _lines(numbers))))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}",
            reason="unwritable",
            remedy="make the folder writable: photographs keep their numbers in this file",
        ) from error


def _readable(path: Path, lines: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for line in lines:
        size += len(line)
        if size > MAX_BYTES:
            raise ConfigError(
                f"{path} would be larger than the {MAX_BYTES} bytes that are read",
                reason="too-many-photos",
                remedy="a person has some 69,000 photographs at most: take some out of raw/",
            )
        yield line


def _lines(numbers: Numbers) -> Iterator[str]:
    """The file's text, a photograph at a time: of the whole, YAML's writer holds three kilobytes for each."""
    dump = partial(cast(Any, yaml).safe_dump, sort_keys=False, allow_unicode=True)
    yield HEADER
    for folder, named in {"sources": numbers.sources, "targets": numbers.targets}.items():
        yield f"{folder}:\n" if named else dump({folder: {}})
        for name, one in sorted(named.items(), key=lambda item: item[1].number):
            told = {"number": one.number, "sha256": one.sha256}
            yield dump({folder: {name: told}}).removeprefix(f"{folder}:\n")
