"""What a clone says of revocations: each version of a record that any commit of it has, and the records as they lie there now."""

import contextlib
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from likeness.errors import ConfigError, ConsentError
from likeness.git import ANYBODYS, require_git, work_tree
from likeness.git_history import versions
from likeness.safety.consent.load import MAX_BYTES
from likeness.safety.consent.revocations import Revocation, revocations, revoke
from likeness.strict_yaml import parse_yaml

# A record, or one that was set aside: mia.yaml.bak, mia.json.
RECORD = re.compile(r"\.(?:ya?ml|json)", re.IGNORECASE)
RECORDS = (":(icase)consent", ":(top,icase)consent")
"""In git: this project's folder, and its clone's."""
# Fields of a record that is no YAML, in a line of their own or between braces.
FIELD = re.compile(
    r"""(?:^|[{,])[ \t]*["']?(id|persona|kind|revoked)["']?[ \t]*:[ \t]*["']?([^"'\r\n#,{}]*)""", re.MULTILINE
)
EVIDENCE = re.compile(r"""evidence["']?[ \t]*:[^}]*?sha256["']?[ \t]*:[ \t]*["']?([0-9a-f]{64})""")


def learn_from_git(repository: Path) -> None:
    """Put on the list what its copy, any commit of this clone and the records that lie there say of revocations.

    Raises:
        ConsentError: `history`: there is a repository, and git does not tell what its commits have.
    """
    for known in revocations(repository):
        with contextlib.suppress(OSError):
            revoke(repository, known)
    try:
        found = [*_committed(repository), *_lying_there(repository)]
    except ConfigError as error:
        raise ConsentError(
            f"{repository}: git does not tell its history, which may say that a consent was revoked: {error.message}",
            reason="history",
            remedy="see what `git fsck` says; or clone anew",
        ) from error
    for data in found:
        for said in _revocations(data):
            with contextlib.suppress(OSError):
                revoke(repository, said)


def _committed(repository: Path) -> Iterator[bytes]:
    """Each version of a record that the clone has, in this folder or its own; and that of the records, where consent/ is a submodule
    or a link into another clone."""
    places: dict[Path, tuple[str, ...]] = {repository: RECORDS}
    records = repository / "consent"
    if records.is_dir() and work_tree(records) != work_tree(repository):
        places[records.resolve()] = (".",)
    for root, paths in places.items():
        yield from (data for _, data in versions(root, _may_be_record, *paths))


def _may_be_record(path: str) -> bool:
    return RECORD.search(path.rpartition("/")[2]) is not None


def _lying_there(repository: Path) -> Iterator[bytes]:
    """A line that a hand wrote counts, also where the record does not read, and in another of the clone's work trees."""
    for root in _work_trees(repository):
        for path in sorted((root / "consent").glob("*")):
            with contextlib.suppress(OSError):
                if _may_be_record(path.name) and path.is_file() and path.stat().st_size <= MAX_BYTES:
                    yield path.read_bytes()


def _work_trees(repository: Path) -> Iterator[Path]:
    """This project in each work tree of the clone, this one first."""
    yield repository
    if (own := work_tree(repository)) is None:
        return
    within = repository.resolve().relative_to(own)
    listed = require_git(*ANYBODYS, "worktree", "list", "--porcelain", root=repository)
    for line in listed.splitlines():
        kind, _, path = line.partition(" ")
        if kind == "worktree" and Path(path) != own:
            yield Path(path) / within


def _revocations(data: bytes) -> Iterator[Revocation]:
    """What a record says of its own end: a day, or any word with a digit in it, or yes. One that does not read may name several
    records: all of them end."""
    data = data.replace(b"\0", b"")  # UTF-16 of some editors: its letters without the bytes between
    if b"revoked" not in data and b"\\" not in data:  # YAML may write any letter as its number
        return
    text = data.decode("utf-8", "replace").lstrip("\ufeff\ufffd")
    try:
        said = cast("dict[str, Any]", parse_yaml(text, dates=False))
        ended, evidence = said.get("revoked"), said.get("evidence")
        ids = [said.get("id")]
        released = cast("dict[str, Any]", evidence).get("sha256") if isinstance(evidence, dict) else None
    except (yaml.YAMLError, ValueError, AttributeError):
        fields = FIELD.findall(text)
        said = dict(fields)
        ended, ids = said.get("revoked"), [value.strip() for name, value in fields if name == "id"]
        released = found[1] if (found := EVIDENCE.search(text)) else None
    if ended is None or ended is False or not (ended is True or re.search(r"\d", str(ended))):
        return
    try:
        day = datetime.date.fromisoformat(str(ended).strip())
    except ValueError:
        day = datetime.datetime.now(datetime.UTC).date()
    for name in ids:
        with contextlib.suppress(ValidationError):
            yield Revocation.model_validate(
                {
                    "id": name,
                    "persona": str(said.get("persona", "")).strip(),
                    "kind": str(said.get("kind", "")).strip(),
                    "date": day,
                    "why": "a record says so",
                    "evidence": released,
                }
            )
