"""One clone on which the graph has run once; tests work on copies of it."""

import shutil
from pathlib import Path

import pytest

from likeness.pipeline.stage import STAGES
from tools.repository_clone import RepositoryClone, clone_repository, stages_run


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RepositoryClone, str]:
    """A clone on which the graph has run once, and what that run printed."""
    clone = clone_repository(tmp_path_factory.mktemp("built"))
    return clone, clone.dvc("repro")


@pytest.fixture(scope="session")
def built(first_run: tuple[RepositoryClone, str]) -> RepositoryClone:
    """A clone on which the graph has run; tests work on copies of it."""
    clone, said = first_run
    assert stages_run(said) == [spec.name for spec in STAGES]
    return clone


@pytest.fixture
def clone(built: RepositoryClone, tmp_path: Path) -> RepositoryClone:
    """A copy of the built clone, item store and all."""
    shutil.copytree(built.folder, tmp_path / "clone", symlinks=True)
    return RepositoryClone(tmp_path / "clone")


@pytest.fixture
def fresh(tmp_path: Path) -> RepositoryClone:
    """A second clean clone."""
    (tmp_path / "fresh").mkdir()
    return clone_repository(tmp_path / "fresh")


@pytest.fixture(scope="session")
def _enhanced(tmp_path_factory: pytest.TempPathFactory) -> RepositoryClone:
    clone = clone_repository(tmp_path_factory.mktemp("enhanced"))
    clone.dvc("repro", "enhance@jade")
    clone.run(
        "git", "add", "-A"
    )  # what the graph itself writes beside its outputs is no change of a person's
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "enhanced")
    return clone


@pytest.fixture
def enhanced(_enhanced: RepositoryClone, tmp_path: Path) -> RepositoryClone:
    """A clone to change, whose photographs have gone as far as `enhance`."""
    shutil.copytree(_enhanced.folder, tmp_path / "enhanced", symlinks=True)
    return RepositoryClone(tmp_path / "enhanced")
