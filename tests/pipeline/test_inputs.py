"""What changes while a stage runs: DVC looks at inputs when the stage has ended, and would note the new for what was read."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from likeness.pipeline.inputs import SMALL_BYTES
from likeness.stage_program import run

ROOT = Path(__file__).parents[2]
RAW = Path("data/jade/raw")
PHOTO, LARGE = (RAW / "sources" / name for name in ("a.jpg", "large.jpg"))


@pytest.fixture(autouse=True)
def jade(in_tmp, monkeypatch):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    for name in ("params.yaml", "dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, name)
    PHOTO.parent.mkdir(parents=True)
    PHOTO.write_bytes(b"a")
    LARGE.write_bytes(bytes(SMALL_BYTES + 1))
    monkeypatch.setattr(sys, "argv", ["stage", "jade"])
    monkeypatch.setenv("DVC_STAGE", "ingest@jade")


def edit(old: str, new: str) -> None:
    params = Path("params.yaml")
    text = params.read_text()
    assert old in text
    params.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: edit("min_side_px: 256", "min_side_px: 300"), "ingest.min_side_px (from 256 to 300)"),
        (lambda: edit("    - jade_08.png\n", ""), "personas.jade.held_out (from "),
        (lambda: PHOTO.with_name("b.jpg").write_bytes(b"b"), "data/jade/raw/sources/b.jpg (new)"),
        (lambda: PHOTO.unlink(), "data/jade/raw/sources/a.jpg (gone)"),
        (lambda: PHOTO.write_bytes(b"other"), "data/jade/raw/sources/a.jpg (written anew)"),
        (lambda: PHOTO.write_bytes(b"b"), "data/jade/raw/sources/a.jpg (written anew)"),  # as long as before
        (lambda: os.utime(LARGE, (0, 0)), "data/jade/raw/sources/large.jpg (written anew)"),
    ],
)
def test_what_changes_while_a_stage_runs_is_not_noted_as_what_it_read(capsys, change, told):
    with pytest.raises(SystemExit) as ended:
        run("ingest", lambda current: change())
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "ingest@jade: changed while it ran" in said
    assert told in said
    assert "`dvc repro` again" in said


def test_of_many_changes_a_few_are_told(capsys):
    with pytest.raises(SystemExit):
        run("ingest", lambda current: [PHOTO.with_name(f"{n}.jpg").touch() for n in range(9)])
    assert ", 4 more\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda: edit("seed: 42", "seed: 43"),  # ingest reads none
        lambda: (RAW / "numbers.yaml").write_text("sources: {}\n"),  # as ingest itself does
        lambda: Path("data/checked.json").write_text("{}"),  # as a check beside it does
        lambda: os.utime("consent/jade.yaml", (0, 0)),  # as git does that lays the same out again
    ],
)
def test_what_the_stage_does_not_read_may_change(change):
    Path("data/checked.json").touch()
    run("ingest", lambda current: change())


def test_a_stage_that_nobody_notes_ends_as_before(monkeypatch):
    monkeypatch.delenv("DVC_STAGE")
    run("ingest", lambda current: PHOTO.unlink())
    monkeypatch.setenv("DVC_STAGE", "ours/dvc.yaml:photographs@jade")  # a graph of somebody's own
    run("ingest", lambda current: PHOTO.with_name("b.jpg").touch())
