"""Work that was quadratic once: eight times as many cost about eight times as much. `python -m bench.scale` has the figures."""

import time
from pathlib import Path

import pytest

from bench import scale
from likeness.config import load_config

TIMES = 8
LINEAR = 3 * TIMES  # quadratic work would take 64 times as long


def seconds(name: str, count: int, folder: Path, monkeypatch) -> float:
    folder.mkdir()
    monkeypatch.chdir(folder)
    work = scale.MEASUREMENTS[name][0](count, load_config(scale.REPOSITORY / "params.yaml"))
    work()  # what is loaded once
    started = time.process_time()
    for _ in range(3):
        work()
    return time.process_time() - started


@pytest.mark.parametrize(("name", "count"), [("duplicates", 250), ("record", 400), ("split", 2_000)])
def test_eight_times_as_many_take_about_eight_times_as_long(name, count, tmp_path, monkeypatch):
    few = seconds(name, count, tmp_path / "few", monkeypatch)
    many = seconds(name, TIMES * count, tmp_path / "many", monkeypatch)
    assert many < LINEAR * few


def test_lines_about_pairs_grow_with_targets_and_not_with_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = scale.pairs(60, load_config(scale.REPOSITORY / "params.yaml"))()
    assert told["lines"] <= 3 * 60 < 60 * 60 - told["pairs"]
