"""The revocations that this repository knows of: a list that only grows, outside what an experiment or a checkout carries.

It lies in the git folder that all worktrees and experiments of a clone share (`.git/likeness/revoked.jsonl`; without git
in .cache/consent), and once more in this user's settings. Each line names the sha256 of the line before it, so that none can
be taken out or changed unseen.
What git's history (history.py) and the team's store know is added to it; nothing takes a line away.
"""

import contextlib
import datetime
import fcntl
import json
import re
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from likeness.digests import sha256_bytes
from likeness.disk import write_atomic
from likeness.errors import ConsentError
from likeness.key_files import settings_folder
from likeness.safety.consent.parts import Date, Strict
from likeness.safety.consent.record import RECORD_ID, Consent

REAL = ("self", "release")
LIST = "revoked.jsonl"
SHARED = "revocations"
CLOCK = "clock"
MAX_BYTES = 16 * 2**20  # of a list: some 50,000 revocations


class Revocation(Strict):
    """One line: a record that was revoked, of what kind it was, and the evidence that was withdrawn with it."""

    id: str
    persona: str
    kind: str = ""
    date: Date
    why: str = ""
    evidence: str | None = None
    previous: str = ""


class Place(Protocol):
    """A team's store: `likeness.store.s3.Remote` is one."""

    def read(self, name: str) -> bytes | None: ...
    def write(self, name: str, data: bytes) -> None: ...


def state_folder(repository: Path) -> Path:
    """Where a clone keeps what no experiment, checkout or worktree of it replaces."""
    around = (folder for folder in (repository, *repository.parents) if (folder / ".git").exists())
    repository = next(around, repository)  # a project in a folder of a clone is that clone's
    git = repository / ".git"
    if git.is_file():  # a worktree: `gitdir: PATH`, where a file names the folder that all share
        own = repository / git.read_text(encoding="utf-8").partition(":")[2].strip()
        shared = own / "commondir"
        git = own / shared.read_text(encoding="utf-8").strip() if shared.is_file() else own
    return git / "likeness" if git.is_dir() else repository / ".cache" / "consent"


def revocations(repository: Path) -> list[Revocation]:
    """All that is known here: the clone's list, and what its copy has besides.

    Raises:
        ConsentError: `revocations-changed`: a list is not as it was written.
    """
    found = {
        one.id: one for path in (_copy(repository), state_folder(repository) / LIST) for one in _read(path)
    }
    return list(found.values())


def _copy(repository: Path) -> Path:
    """The list once more, in this user's settings: a folder put back from a backup, cut off or cloned anew forgets nothing."""
    name = sha256_bytes(str(repository.resolve()).encode())[:32]
    return settings_folder() / SHARED / f"{name}.jsonl"


def _of_other_clones() -> Iterator[Revocation]:
    """What this user revoked in any clone; a list there that does not read is that clone's affair."""
    for path in sorted((settings_folder() / SHARED).glob("*.jsonl")):
        with contextlib.suppress(ConsentError, OSError):
            yield from _read(path)


def _read(path: Path) -> list[Revocation]:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise _changed(path, 1)
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:  # what cannot be read may say that all is revoked
        raise _changed(path, 1) from error
    found: list[Revocation] = []
    previous = ""
    for number, line in enumerate(lines, start=1):
        try:
            one = Revocation.model_validate_json(line)
        except ValidationError as error:
            raise _changed(path, number) from error
        if one.previous != previous:
            raise _changed(path, number)
        found.append(one)
        previous = sha256_bytes(line)
    return found


def revoke(repository: Path, new: Revocation) -> bool:
    """Add a line to the list and its copy, unless this id has one; whether the list lacked it."""
    with contextlib.suppress(OSError):  # settings that may only be read: the list itself has it
        _append(_copy(repository), new)
    return _append(state_folder(repository) / LIST, new)


def _append(path: Path, new: Revocation) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(one.id == new.id for one in _read(path)):
            return False
        lines = path.read_bytes().splitlines() if path.is_file() else []
        chained = new.model_copy(update={"previous": sha256_bytes(lines[-1]) if lines else ""})
        lines.append(json.dumps(chained.model_dump(mode="json"), sort_keys=True).encode())
        write_atomic(path, b"\n".join(lines) + b"\n")
    return True


def check_not_revoked(consent: Consent, repository: Path) -> None:
    """Refuse to work on a record that has ended.

    Raises:
        ConsentError: `consent-revoked`.
    """
    if (ended := revocation_of(consent, repository)) is not None:
        raise ConsentError(
            f"{consent.persona}: what consent {consent.id} rests on was revoked on {ended.date}, and does not come back",
            reason="consent-revoked",
            remedy="a new consent is a new record with a new id and new evidence: move the old one "
            f"away, then `likeness consent new {consent.persona}`",
        )


def revocation_of(consent: Consent, repository: Path) -> Revocation | None:
    """Why this record does not hold any more: its id was revoked or, for a real person, the release it rests on was
    withdrawn under another id or in another clone of this user's.

    What the record itself says is put on the list: whoever takes its `revoked:` out later
    changes nothing."""
    if consent.revoked is not None:
        own = Revocation(
            id=consent.id,
            persona=consent.persona,
            kind=consent.kind,
            date=consent.revoked,
            why="the record says so",
            evidence=consent.evidence.sha256,
        )
        with contextlib.suppress(OSError):  # a disk that may only be read: the record itself still says it
            revoke(repository, own)
        return own
    known = revocations(repository)
    if own_id := next((one for one in known if one.id == consent.id), None):
        return own_id
    # Synthetic people may share a proof of how they were made; a person's release proves no synthetic one.
    kinds = REAL if consent.kind == "synthetic" else (*REAL, "")
    withdrawn = (one for one in chain(known, _of_other_clones()) if one.evidence == consent.evidence.sha256)
    return next((one for one in withdrawn if one.kind in kinds), None)


def share(place: Place, revocation: Revocation) -> None:
    """Tell the team: a file for the id and one for the evidence that was withdrawn with it, which nobody replaces."""
    for about in (revocation.id, revocation.evidence or ""):
        fits = re.fullmatch(RECORD_ID, about)  # an id that no record can have may be a path
        if fits and place.read(name := f"{SHARED}/{about}.json") is None:
            place.write(name, json.dumps(revocation.model_dump(mode="json")).encode())


def learn_from_team(place: Place, consent: Consent, repository: Path) -> None:
    """Put on the list what the team's store says of this record: of its id and, for a real person, of its release.

    Raises:
        ConsentError: the store has a revocation that cannot be read.
        ConfigError, ProviderError: the store cannot be asked.
    """
    released = () if consent.kind == "synthetic" else (consent.evidence.sha256,)
    for about in (consent.id, *released):
        data = place.read(f"{SHARED}/{about}.json")
        if data is None:
            continue
        try:
            told = Revocation.model_validate_json(data)
        except ValidationError as error:
            raise ConsentError(
                f"the team's store says that {about} is revoked, in a file that cannot be read",
                reason="consent-revoked",
                remedy="ask who revoked it",
            ) from error
        field = "id" if about == consent.id else "evidence"
        revoke(repository, told.model_copy(update={field: about}))


def today(repository: Path) -> datetime.date:
    """The day in UTC, which never goes back in one clone: a term does not begin anew with the clock.

    Raises:
        ConsentError: `clock`: the clock is before a day that was seen here, or nothing says what was seen.
    """
    now = datetime.datetime.now(datetime.UTC).date()
    path = state_folder(repository) / CLOCK
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(path)
        seen = datetime.date.fromisoformat(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        seen = now - datetime.timedelta(days=1)
    except (ValueError, OSError) as error:
        raise ConsentError(
            f"{path} holds no day: a consent cannot be judged without the last day that was seen here",
            reason="clock",
            remedy=f"set the clock, then delete {path}",
        ) from error
    if seen > now:
        raise ConsentError(
            f"this computer says {now}, and said {seen} before: a consent cannot be judged by it",
            reason="clock",
            remedy=f"set the clock; if {seen} was wrong, delete {path}",
        )
    if seen < now:
        with contextlib.suppress(OSError):
            write_atomic(path, f"{now}\n".encode())
    return now


def _changed(path: Path, number: int) -> ConsentError:
    return ConsentError(
        f"{path}: line {number} is not as it was written",
        reason="revocations-changed",
        remedy="put the list back from a backup or a colleague's clone; lines are only ever added",
    )
