"""What a clone says of revocations: each version of a record that any commit of it has, and the records as they lie there now.

Files are read whole and no difference is: neither attributes nor settings of git change what is found.
"""

import contextlib
import datetime
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from likeness.errors import ConsentError
from likeness.git import git_bytes
from likeness.safety.consent.load import MAX_BYTES
from likeness.safety.consent.revocations import Revocation, revocations, revoke
from likeness.strict_yaml import parse_yaml

# No object under another's name; whose folder it is changes nothing.
GIT = ("--no-replace-objects", "-c", "safe.directory=*")
# Commits of branches, tags, experiments, stashes and worktrees, what a rebase or a reset left behind, and side branches that a
# merge took nothing of.
VERSIONS = (*GIT, "rev-list", "--all", "--reflog", "--full-history", "--objects")
LINE = re.compile(r"""^["']?(id|persona|revoked)["']?[ \t]*:[ \t]*["']?([^"'\r\n#]*)""", re.MULTILINE)


def learn_from_git(repository: Path) -> None:
    """Put on the list what its copy, any commit of this clone and the records that lie there say of revocations.

    Raises:
        ConsentError: `history`: git is there, and its history cannot be read.
    """
    for known in revocations(repository):
        with contextlib.suppress(OSError):
            revoke(repository, known)
    for text in (*_committed(repository), *_lying_there(repository)):
        if (said := _revocation(text)) is not None:
            with contextlib.suppress(OSError):
                revoke(repository, said)


def _committed(repository: Path) -> Iterator[str]:
    """Each version of a record that says anything of a revocation, once."""
    listed = git_bytes(*VERSIONS, "--", "consent/*.yaml", root=repository)
    names = [line.partition(b" ") for line in (listed or b"").splitlines()]
    wanted = b"\n".join(dict.fromkeys(name for name, _, path in names if path.endswith(b".yaml")))
    read = git_bytes(*GIT, "cat-file", "--batch", root=repository, stdin=wanted) if wanted else b""
    if listed is None or read is None:
        # Without git on this machine there is no checkout of an old record either.
        if shutil.which("git") and any(
            (folder / ".git").exists() for folder in (repository, *repository.parents)
        ):
            raise ConsentError(
                f"{repository}: git cannot read its history, which may say that a consent was revoked", reason="history",
                remedy="see what `git fsck` says; or clone anew",
            )  # fmt: skip
        return
    while read:
        head, _, read = read.partition(b"\n")
        size = int(head.split()[-1])
        if b"revoked" in (data := read[:size]):
            yield data.decode("utf-8", "replace")
        read = read[size + 1 :]


def _lying_there(repository: Path) -> Iterator[str]:
    """A line that a hand wrote counts, also where the record does not read."""
    for path in sorted((repository / "consent").glob("*.yaml")):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size <= MAX_BYTES:
                yield path.read_text(encoding="utf-8", errors="replace")


def _revocation(text: str) -> Revocation | None:
    """What a record says of its own end: a day, or any word with a digit in it, or yes."""
    try:
        said = cast("dict[str, Any]", parse_yaml(text, dates=False))
        ended = said.get("revoked")
    except (yaml.YAMLError, ValueError, AttributeError):
        said = dict(LINE.findall(text))
        ended = said.get("revoked")
    if ended is None or ended is False or not (ended is True or re.search(r"\d", str(ended))):
        return None
    try:
        day = datetime.date.fromisoformat(str(ended))
    except ValueError:
        day = datetime.datetime.now(datetime.UTC).date()
    evidence = said.get("evidence")
    released = cast("dict[str, Any]", evidence).get("sha256") if isinstance(evidence, dict) else None
    with contextlib.suppress(ValidationError):
        return Revocation.model_validate(
            {"id": said.get("id"), "persona": str(said.get("persona", "")), "date": day, "why": "a record says so",
             "evidence": released}
        )  # fmt: skip
    return None
