"""What attacks on consent begin with."""

import shutil
from pathlib import Path

import pytest
from consent_clone import clone_of_mia
from job_world import world
from publications import publish_in
from purge_clone import clone_of_jade
from secrets_planted import plant
from training_door import folders, training_set

__all__ = ["folders", "training_set", "world"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with the record of mia, in force on DAY, which it is, and committed; the working directory."""
    return clone_of_mia(tmp_path, monkeypatch)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with settings and records, committed; the working directory."""
    return clone_of_jade(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as environment:
        plant(environment)
        publish_in(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A copy of the repository with its publication in out/jade."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def published(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    return root / "out/jade"
