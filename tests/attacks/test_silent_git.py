"""A git that does not answer is not one that says nothing: it hangs, refuses, is not installed, or looks elsewhere."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from consent_clone import by_hand, commit, git
from purge_clone import WEIGHTS, held, keep, lock

from likeness.cli.deletion import may_be_deleted
from likeness.cli.purge import purge
from likeness.errors import ConfigError, ConsentError, InputError
from likeness.key_files import new_private_key, read_private_key
from likeness.safety.consent.history import learn_from_git
from likeness.versions.lineage import lineage
from likeness.versions.revision import EXPERIMENTS, lock_of, locks_in_history, refs

KEPT = Path("imported/w.safetensors")


@pytest.fixture(params=["exit 128", "exec sleep 60", None], ids=["refuses", "hangs", "is missing"])
def silence(request, tmp_path, monkeypatch) -> Callable[[], None]:
    """Makes the git on PATH one that says nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    if request.param:
        (folder / "git").write_text(f"#!/bin/sh\necho 'fatal: no' >&2\n{request.param}\n")
        (folder / "git").chmod(0o755)

    def silence() -> None:
        monkeypatch.setattr("likeness.git.TIMEOUT_S", 0.05 if "sleep" in (request.param or "") else 60)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin" if request.param else str(folder))

    return silence


def kept_by_git(root: Path) -> None:
    """A .dvc file, of a hand, that names what git keeps for one of hers."""
    KEPT.parent.mkdir()
    KEPT.write_bytes(b"git's own")
    out = {"md5": "0" * 32, "hash": "md5", "path": KEPT.name}
    dep = {"path": "models/jade/jade-v1.safetensors"}
    Path(f"{KEPT}.dvc").write_text(yaml.safe_dump({"deps": [dep], "outs": [out]}))
    commit(root)


def test_what_git_may_keep_is_not_deleted_where_git_does_not_say(clone, silence):
    kept_by_git(clone)
    silence()
    with pytest.raises(ConfigError) as caught:
        may_be_deleted(KEPT, clone)
    assert caught.value.reason == "git"
    report = purge("jade", dry_run=False, photographs=False)
    assert KEPT.is_file()
    assert any(str(KEPT) in place for place in report.unreachable)


def test_a_purge_tells_what_only_git_could_have_said_and_does_the_rest(clone, silence):
    Path("dvc.lock").write_text(lock("models/jade/jade-v1.safetensors", keep(WEIGHTS)))
    silence()
    report = purge("jade", dry_run=False, photographs=False)
    assert held(WEIGHTS) == []
    assert {
        "what only commits name in DVC's cache and remotes", "other worktrees of this clone", "commits with photographs"
    } <= report.unreachable.keys()  # fmt: skip


def test_a_purge_in_a_folder_without_git_has_nothing_to_ask(clone):
    kept_by_git(clone)
    shutil.rmtree(".git")
    report = purge("jade", dry_run=False, photographs=False)
    assert report.unreachable.keys() == {"all that DVC keeps"}  # which wants to be told that there is none
    with Path(".dvc/config").open("a") as file:
        file.write("[core]\n    no_scm = true\n")
    assert purge("jade", dry_run=False, photographs=False).unreachable == {}
    assert not KEPT.exists()


def test_what_a_repository_in_a_folder_keeps_is_not_deleted(clone):
    kept_by_git(clone)
    git(clone, "rm", "-rq", "--cached", KEPT.parent.name)
    git(clone / KEPT.parent, "init", "-q")
    commit(clone / KEPT.parent)
    purge("jade", dry_run=False, photographs=False)
    assert KEPT.is_file()


def test_a_revision_is_not_unknown_where_git_does_not_say(clone, silence):
    Path("dvc.lock").write_text(lock("models/jade/x", "0" * 32))
    commit(clone)
    silence()
    for ask in (
        lambda: lock_of("HEAD"), lambda: list(refs(EXPERIMENTS)), lambda: list(locks_in_history()),
        lambda: lineage(Path("dvc.lock")),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.reason == "git"


@pytest.mark.parametrize("revision", ["nobody", "a..b", "HEAD@{yesterday}x", "-x", "HEAD:dvc.lock"])
def test_a_revision_that_git_does_not_know_is_told_so(clone, revision):
    with pytest.raises(InputError) as caught:
        lock_of(revision)
    assert caught.value.reason == "no-version"


def test_without_git_there_is_no_revision_and_no_history(clone):
    shutil.rmtree(".git")
    with pytest.raises(InputError):
        lock_of("HEAD")
    assert list(refs(EXPERIMENTS)) == list(locks_in_history()) == []
    learn_from_git(clone)


def test_a_key_is_neither_taken_nor_called_known_where_git_does_not_say(clone, silence, tmp_path):
    new_private_key(tmp_path / "key")
    silence()
    for use in (
        lambda: new_private_key(clone / "key"),
        lambda: read_private_key(tmp_path / "key", remedy=""),
    ):
        with pytest.raises(ConfigError) as caught:
            use()
        assert caught.value.reason == "git"


def test_a_consent_is_not_in_force_where_git_does_not_tell_its_history(repository, silence):
    silence()
    with pytest.raises(ConsentError) as caught:
        learn_from_git(repository)
    assert caught.value.reason == "history"


def test_a_repository_around_does_not_answer_for_one_that_is_damaged(repository):
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    git(repository.parent, "init", "-q")
    (repository / ".git/HEAD").unlink()
    with pytest.raises(ConsentError) as caught:
        learn_from_git(repository)
    assert caught.value.reason == "history"
