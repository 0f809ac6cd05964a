"""The desk at work on photographs that are measured at once, and a browser on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_visitor import Visitor
from ingest_fakes import png
from paid_pipeline import outfit, put, run

import likeness.cli.desk.state
from likeness.cli.desk.serve import DeskServer, Serving
from likeness.config import Config


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
    with Serving(server=DeskServer(0)) as server:
        yield Visitor(server)


@pytest.fixture
def enhanced(desk_mission) -> Config:
    run(desk_mission, "ingest", "swap", "resize", "enhance", "caption")
    return desk_mission
