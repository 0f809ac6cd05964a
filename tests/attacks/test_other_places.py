"""Attacks by where things lie: a root around the clone, records in a clone of their own, a base exchanged where it lies."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from consent_clone import allowed, by_hand, commit, git

from likeness.diffusion.digest import files_digest
from likeness.paths import RepositoryPaths


def the_folder_around(root: Path) -> Path:
    return root.parent


def a_clone_around(root: Path) -> Path:
    git(root.parent, "init", "-q")
    return root.parent


@pytest.mark.parametrize("around", [the_folder_around, a_clone_around], ids=lambda one: one.__name__)
def test_a_root_around_the_clone_brings_no_record_of_before(repository, monkeypatch, around):
    """`DVC_ROOT=..`, where an old record lies: the clone's history would not be asked."""
    place = around(repository)
    shutil.copytree(repository / "consent", place / "consent")
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    monkeypatch.setenv("DVC_ROOT", str(place))
    assert RepositoryPaths.here().root == repository
    assert not allowed(RepositoryPaths.here().root)


def test_an_experiments_folder_is_its_repositorys(repository, monkeypatch):
    folder = repository / ".dvc/tmp/exps/tmp1"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    monkeypatch.setenv("DVC_ROOT", str(repository))
    monkeypatch.chdir(folder)
    assert RepositoryPaths.here().root == repository


def as_a_submodule(root: Path, records: Path) -> None:
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(records), "consent")


def as_a_link(root: Path, records: Path) -> None:
    (root / "consent").symlink_to(records)


def as_a_clone_that_git_ignores(root: Path, records: Path) -> None:
    subprocess.run(["git", "clone", "-q", records, root / "consent"], check=True)
    (root / ".gitignore").write_text("consent/\n")


@pytest.mark.parametrize(
    "laid", [as_a_submodule, as_a_link, as_a_clone_that_git_ignores], ids=lambda one: one.__name__
)
def test_records_in_a_clone_of_their_own_have_its_history(repository, tmp_path, laid):
    records = tmp_path / "records"
    shutil.move(repository / "consent", records)
    git(records, "init", "-q")
    commit(records)
    commit(repository)
    laid(repository, records)
    assert allowed(repository)
    lying = (repository / "consent").resolve()
    (lying / "mia.yaml").write_text((lying / "mia.yaml").read_text() + "revoked: 2026-11-01\n")
    commit(lying)
    git(lying, "checkout", "-q", "HEAD~1")
    assert "revoked" not in (repository / "consent/mia.yaml").read_text()
    assert not allowed(repository)


@pytest.mark.parametrize("main", [True, False], ids=["from the clone", "from the other tree"])
def test_a_line_that_lies_in_another_work_tree_counts(repository, tmp_path, main):
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-q", str(tree), "HEAD")
    assert allowed(repository)
    record = (tree if main else repository) / "consent/mia.yaml"
    record.write_text(record.read_text() + "revoked: 2026-11-01\n")
    assert not allowed(repository if main else tree)


def test_a_base_that_was_exchanged_where_it_lies_is_another_base(tmp_path):
    """The same size, place and time of modification."""
    base, memo = tmp_path / "unet.safetensors", tmp_path / "memo"
    base.write_bytes(b"the base of before")
    before, facts = files_digest([base], tmp_path, memo), base.stat()
    with base.open("r+b") as file:
        file.write(b"with somebody's LoRA"[:18])
    os.utime(base, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert files_digest([base], tmp_path, memo) != before
