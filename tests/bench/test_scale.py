"""What grew with pairs once, or with everything at every item. How time and memory grow is measured by `python -m bench.scale`, never
in a test: here lines of Python are counted, which no clock and no other process has a say in."""

import contextlib
import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from bench import scale_things, scale_works
from likeness.config import load_config
from likeness.evaluate import results
from likeness.pipeline.manifest import Entry
from likeness.run import Run


def lines_of_python(work: Callable[[], Any]) -> int:
    """How many lines the work runs."""
    count, before = 0, sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", ["duplicates", "record", "split", "items"])
def test_the_third_hundred_takes_no_more_steps_than_the_second(name, tmp_path, monkeypatch):
    config, steps = load_config(scale_things.REPOSITORY / "params.yaml"), list[int]()
    for number in (1, 1, 2, 3):  # whatever is imported and begun comes with the first
        folder = tmp_path / str(len(steps))
        folder.mkdir()
        monkeypatch.chdir(folder)
        steps.append(lines_of_python(getattr(scale_works, name)(100 * number, config)))
    _, one, two, three = steps
    assert three - two < 1.1 * (two - one)


def test_the_report_reads_no_more_lines_of_manifests_for_chains_that_it_does_not_show(tmp_path, monkeypatch):
    config = load_config(scale_things.REPOSITORY / "params.yaml")
    config = config.model_copy(update={"report": config.report.model_copy(update={"max_rows": 5})})
    read, reads, entry = 0, list[int](), Entry.model_validate_json

    def counted(line: bytes) -> Entry:
        nonlocal read
        read += 1
        return entry(line)

    monkeypatch.setattr(Entry, "model_validate_json", counted)
    for count in (20, 40, 60):
        folder = tmp_path / str(count)
        folder.mkdir()
        monkeypatch.chdir(folder)
        work, read = scale_works.report(count, config), 0
        work()
        reads.append(read)
    few, more, most = reads
    assert most - more <= more - few


class Reached(Exception):
    """What is held was measured: the rest need not run."""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "swap", "resize", "enhance", "caption", "dataset", "evaluate"])
def test_a_stage_holds_less_than_a_kilobyte_of_an_image(stage, tmp_path, monkeypatch):
    """When its batch is over and the folder is written, or before samples are compared."""
    config, held = load_config(scale_things.REPOSITORY / "params.yaml"), list[int]()
    owner, name = (results, "measured") if stage == "evaluate" else (Run, "finish")
    do = getattr(owner, name)

    def measuring(*given: Any, **more: Any) -> Any:
        done = do(*given, **more) if owner is Run else None
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
        if owner is not Run:
            raise Reached
        return done

    for count in (10, 40, 80):  # whatever is imported and begun comes with the first
        folder = tmp_path / str(count)
        folder.mkdir()
        monkeypatch.chdir(folder)
        work = scale_works.MEASUREMENTS[stage][0](count, config)
        monkeypatch.setattr(owner, name, measuring)
        gc.collect()
        tracemalloc.start()
        try:
            with contextlib.suppress(Reached):
                work()
        finally:
            tracemalloc.stop()
            monkeypatch.setattr(owner, name, do)
    _, few, many = held
    assert (many - few) / 40 < 1_000


def test_lines_about_pairs_grow_with_targets_and_not_with_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = scale_works.pairs(60, load_config(scale_things.REPOSITORY / "params.yaml"))()
    assert told["lines"] <= 3 * 60 < 60 * 60 - told["pairs"]
