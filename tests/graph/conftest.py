"""One clone on which the graph has run once; tests work on copies of it."""

import shutil
from pathlib import Path

import pytest
from house import House, clone


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A clone on which the graph has run; tests work on copies of it."""
    house = clone(tmp_path_factory.mktemp("built"))
    assert house.repro() == [
        "check", "ingest", "swap", "resize", "enhance", "caption", "dataset", "train", "evaluate", "report"]  # fmt: skip
    return house


@pytest.fixture
def house(built: House, tmp_path: Path) -> House:
    """A copy of the built clone, item store and all."""
    shutil.copytree(built.folder, tmp_path / "house", symlinks=True)
    return House(tmp_path / "house")


@pytest.fixture
def fresh(tmp_path: Path) -> House:
    """A second clean clone."""
    (tmp_path / "fresh").mkdir()
    return clone(tmp_path / "fresh")
