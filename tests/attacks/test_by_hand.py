"""Stages run by hand after a revocation, over an old record: from other folders, through links, in worktrees and copies."""

import datetime
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from consent_clone import commit, git

from likeness.safety.consent.revocations import LIST, Revocation, revoke, state_folder
from likeness.stage_program import run

ROOT = Path(__file__).parents[2]
ENDED = Revocation(id="jade-2026-11", persona="jade", kind="synthetic", date=datetime.date(2026, 1, 1))


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of jade's in which her consent was revoked, and the record of before was checked out; the working directory."""
    root = tmp_path / "clone"
    for name in ("conf", "consent", "data/jade/raw"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "params.yaml", root)
    (root / ".gitignore").write_text("/.cache\n")
    git(root, "init", "-q")
    commit(root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(sys, "argv", ["stage", "jade"])
    revoke(root, ENDED)
    return root


def as_it_is(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del clone, monkeypatch


def other_clone(clone: Path) -> Path:
    """Of before; its own list is empty, as in another user's."""
    git(clone.parent, "clone", "-q", str(clone), "other")
    return clone.parent / "other"


def root_of_another_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(other_clone(clone)))


def git_folder_of_another_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(other_clone(clone) / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(clone.parent / "other"))


def list_deleted(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(state_folder(clone))


def list_linked_to_an_empty_folder(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(state_folder(clone))
    (clone.parent / "empty").mkdir()
    state_folder(clone).symlink_to(clone.parent / "empty")


def list_emptied(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state_folder(clone) / LIST).write_bytes(b"")


def settings_of_another_user(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKENESS_HOME", str(clone.parent / "home-b"))


def settings_moved_by_the_desktop(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKENESS_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(clone.parent / "xdg"))


def records_linked(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "consent").rename(clone.parent / "records")
    (clone / "consent").symlink_to(clone.parent / "records")


def record_linked(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "consent/jade.yaml").rename(clone.parent / "jade.yaml")
    (clone / "consent/jade.yaml").symlink_to(clone.parent / "jade.yaml")


def data_linked(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "data").rename(clone.parent / "data")
    (clone / "data").symlink_to(clone.parent / "data")


def clone_linked(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone.parent / "link").symlink_to(clone)
    monkeypatch.chdir(clone.parent / "link")


def clone_linked_by_another_user(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of_another_user(clone, monkeypatch)
    clone_linked(clone, monkeypatch)


def clone_moved(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.rename(clone.parent / "moved")
    monkeypatch.chdir(clone.parent / "moved")


def a_worktree(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of_another_user(clone, monkeypatch)
    git(clone, "worktree", "add", "-q", str(clone.parent / "tree"))
    monkeypatch.chdir(clone.parent / "tree")


def a_worktree_of_which_the_clone_was_moved(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_worktree(clone, monkeypatch)
    clone.rename(clone.parent / "moved")
    git(clone.parent / "moved", "worktree", "repair", str(clone.parent / "tree"))


def a_folder_of_the_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of_another_user(clone, monkeypatch)
    for name in ("conf", "consent", "data", "params.yaml"):
        (clone / "in").mkdir(exist_ok=True)
        (shutil.copytree if (clone / name).is_dir() else shutil.copy)(clone / name, clone / "in" / name)
    monkeypatch.chdir(clone / "in")


def as_an_experiments_copy(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a worker of DVC's queue is started, with the record of before beside it."""
    copy = clone / ".dvc/tmp/exps/tmpabc"
    for name in ("conf", "consent", "data", "params.yaml"):
        copy.mkdir(exist_ok=True, parents=True)
        (shutil.copytree if (clone / name).is_dir() else shutil.copy)(clone / name, copy / name)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(copy))


def another_id_by_hand(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clone / "consent/jade.yaml"
    path.write_text(path.read_text().replace("id: jade-2026-11", "id: jade-2027-01"))


def another_persona_with_her_record(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for old in (clone / "consent").glob("jade.*"):
        old.rename(old.with_name(old.name.replace("jade", "eve")))
    (clone / "data/jade").rename(clone / "data/eve")
    said = yaml.safe_load(Path("params.yaml").read_text())
    said["personas"] = {"eve": said["personas"]["jade"] | {"name": "eve"}}
    Path("params.yaml").write_text(yaml.safe_dump(said))
    path = clone / "consent/eve.yaml"
    path.write_text(path.read_text().replace("persona: jade", "persona: eve"))
    monkeypatch.setattr(sys, "argv", ["stage", "eve"])


def record_taken_away(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / "consent/jade.yaml").unlink()


def git_taken_away(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clone / ".git").rename(clone.parent / "git")


def git_begun_anew(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(clone / ".git")
    git(clone, "init", "-q")
    commit(clone)


def clock_of_a_day_before(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state_folder(clone) / "clock").write_text("2999-01-01\n")


def no_program_of_git(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)


def threshold_of_the_list_passed(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So large that no program reads it."""
    with (state_folder(clone) / LIST).open("ab") as file:
        file.truncate(2**30)


WAYS: list[Callable[[Path, pytest.MonkeyPatch], None]] = [
    as_it_is, root_of_another_clone, git_folder_of_another_clone, list_deleted, list_linked_to_an_empty_folder, list_emptied,
    settings_of_another_user, settings_moved_by_the_desktop, records_linked, record_linked, data_linked, clone_linked,
    clone_linked_by_another_user, clone_moved, a_worktree, a_worktree_of_which_the_clone_was_moved, a_folder_of_the_clone,
    as_an_experiments_copy, another_id_by_hand, another_persona_with_her_record, record_taken_away, git_taken_away, git_begun_anew,
    clock_of_a_day_before, no_program_of_git, threshold_of_the_list_passed,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_stage_goes_to_work(clone, monkeypatch, capsys, way):
    way(clone, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        run("ingest", lambda current: pytest.fail(f"it went to work in {Path.cwd()}"))
    assert ended.value.code == 1
    assert "remedy" in capsys.readouterr().err
    assert not list(clone.parent.rglob("*/ingested"))
