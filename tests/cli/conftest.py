"""The desk at work on photographs that are measured at once, and a browser on it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_visitor import Visitor, serving
from ingest_fakes import png
from paid_pipeline import outfit, put, run
from plans import mission

import likeness.cli.desk.state
from likeness.config import Config

__all__ = ["mission"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that settings and consent live in; of the photographs the names alone. The working directory."""
    for name in ("conf", "consent", "hydra_plugins"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for folder in ("raw/sources", "captions_override"):
        (tmp_path / "data/jade" / folder).mkdir(parents=True)
    for name in ("jade_01.jpg", "jade_07.jpg", "jade_08.png"):
        (tmp_path / "data/jade/raw/sources" / name).touch()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DVC_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def desk_mission(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """4 photographs and 8 targets, one that is explicit and one of two people."""
    config = outfit(monkeypatch)
    monkeypatch.setattr(likeness.cli.desk.state, "PATIENCE_S", 60.0)
    put("sources/explicit.png", png(explicit=95, seed=90))
    put("sources/two.png", png(faces=2, seed=91))
    return config


@pytest.fixture
def desk(desk_mission) -> Iterator[Visitor]:
    with serving() as server:
        yield Visitor(server)


@pytest.fixture(scope="session")
def enhanced_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first test made that asked for `enhanced`."""
    return tmp_path_factory.mktemp("enhanced")


@pytest.fixture
def enhanced(desk_mission, enhanced_once) -> Config:
    """The stages from ingest to caption have run."""
    if any(enhanced_once.iterdir()):
        shutil.copytree(enhanced_once, ".", symlinks=True, dirs_exist_ok=True)
    else:
        run(desk_mission, "ingest", "swap", "resize", "enhance", "caption")
        shutil.copytree(".", enhanced_once, symlinks=True, dirs_exist_ok=True)
    return desk_mission
