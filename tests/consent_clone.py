"""A clone with the record of mia, and what ends her consent."""

import datetime
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from records import write

from likeness.cli.revoke import revoke_command
from likeness.errors import ConsentError
from likeness.safety.consent import in_force
from likeness.safety.consent import revocations as module
from likeness.safety.consent.history import learn_from_git

ROOT = Path(__file__).parents[2]
DAY = datetime.date(2026, 11, 28)
USES = ("swap", "train", "generate")


class Clock(datetime.datetime):
    """A clock that says what a test says."""

    day = DAY

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.combine(cls.day, datetime.time(12), tz)


def clone_of_mia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with the record of mia, in force on DAY, which it is, and committed; the working directory."""
    monkeypatch.setattr(module, "datetime", SimpleNamespace(**vars(datetime) | {"datetime": Clock}))
    monkeypatch.setattr(Clock, "day", DAY)
    root = tmp_path / "clone"
    root.mkdir()
    write(root, {"signed": "2026-01-02", "expires": "2027-12-31"})
    git(root, "init", "-q")
    commit(root)
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert allowed(root)
    return root


def git(root: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "consent")


def old_commit(root: Path) -> None:
    commit(root)
    git(root, "checkout", "-q", "HEAD~1")


def another_branch(root: Path) -> None:
    git(root, "branch", "before")
    commit(root)
    git(root, "checkout", "-q", "before")


def allowed(root: Path, persona: str = "mia") -> bool:
    """Whether a program may start."""
    try:
        learn_from_git(root)
        in_force(root, persona, USES)
    except ConsentError as error:
        return error.reason not in ("consent-revoked", "consent-expired", "consent-not-yet")
    return True


def end(root: Path, **changes: object) -> None:
    """Revoke as the command does."""
    revoke_command("mia", why="asked", record_id=None, yes=True)


def by_hand(root: Path) -> None:
    """Write the line that ends a record, and nothing else."""
    path = root / "consent/mia.yaml"
    path.write_text(path.read_text() + "revoked: 2026-11-01\n")


def the_line_taken_out(root: Path) -> None:
    path = root / "consent/mia.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "revoked" not in line))
