"""What a person looked at and refused: photographs in data/PERSONA/raw/refused.yaml, by the sha256 of their bytes, and made images
in data/PERSONA/captions_override/refused.yaml, by the sha256 of their pixels.

    9f86d081...:
      file: sources/IMG_3.jpg      # as it was called then; the digest decides
      why: eyes closed

A refusal only takes out. Taking it back gives the photograph or image to the gates again, and opens none of them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import Field

from likeness.disk import alone_in, write_atomic
from likeness.errors import InputError, without_control
from likeness.safety.gates import Refusal
from likeness.settings import Record
from likeness.strict_yaml import read_checked

BY_HAND = "refused-by-hand"
MAX_LETTERS = 200
HEADER = "# What a person refused: `likeness photos refuse`. The stages leave these out; commit this file.\n"
REMEDY = "restore the file (`git checkout HEAD -- FILE`), or write it with `likeness photos refuse`"


class RefusedByHand(Record):
    """What it was called, and why it is not wanted."""

    file: str
    why: str = Field(min_length=1, max_length=MAX_LETTERS)

    @property
    def refusal(self) -> Refusal:
        """As a line of failures.jsonl says it."""
        return Refusal(
            reason=BY_HAND,
            detail=f"a person refused it: {self.why}",
            remedy="`likeness photos accept` takes it back",
        )


AllRefused = Mapping[str, RefusedByHand]
"""By digest."""


def read_refused(path: Path) -> dict[str, RefusedByHand]:
    """Those of the file; none where there is no file.

    Raises:
        ConfigError: it does not read.
    """
    return read_checked(path, dict[str, RefusedByHand], reason="bad-refusals", remedy=REMEDY)


def refuse_changed(what: str, now: str, looked_at: str | None) -> None:
    """Refuse a decision about what is not any more as it was `looked_at` (a digest, or words); None: nobody says how it was.

    Raises:
        InputError: `changed`.
    """
    if looked_at not in (None, now):
        raise InputError(
            f"{what} changed after it was looked at", reason="changed", remedy="look at it again"
        )


def write_refusal(path: Path, sha256: str, file: str, why: str) -> None:
    """Write down that what has this digest is refused.

    Raises:
        InputError: no reason is given, or one of more than MAX_LETTERS.
        ConfigError: the file there does not read.
    """
    why = " ".join(without_control(why).split())
    if not 0 < len(why) <= MAX_LETTERS:
        raise InputError(
            f"{file}: a refusal needs a reason of 1 to {MAX_LETTERS} letters",
            reason="no-reason",
            remedy="say what is wrong with it: --why 'eyes closed'",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(path.parent):
        _write(path, {**read_refused(path), sha256: RefusedByHand(file=file, why=why)})


def take_back(path: Path, sha256: str, file: str) -> None:
    """Take back a person's refusal; what else speaks against it stands.

    Raises:
        InputError: no person refused it.
        ConfigError: the file there does not read.
    """
    with alone_in(path.parent):
        refused = read_refused(path)
        if sha256 not in refused:
            raise InputError(
                f"{file}: no person refused it",
                reason="not-refused-by-hand",
                remedy="nobody can take back a gate's refusal; `likeness photos list` tells who refused a photograph",
            )
        _write(path, {key: one for key, one in refused.items() if key != sha256})


def _write(path: Path, refused: AllRefused) -> None:
    if not refused:
        path.unlink(missing_ok=True)
        return
    said: dict[str, Any] = {key: one.model_dump() for key, one in refused.items()}
    write_atomic(path, (HEADER + cast(Any, yaml).safe_dump(said, allow_unicode=True)).encode())
