"""What is held of each image: bytes that Python counts, so no clock and no other process has a say."""

import gc
import os
import tracemalloc
from collections.abc import Callable
from typing import Any, cast

import pytest

from likeness.dataset.quality import enlargements
from likeness.lazy import Index, Lazy, Spool
from likeness.paths import PersonaPaths
from likeness.pipeline.batch import Made, Work, run_batch
from likeness.pipeline.manifest import (
    MANIFEST,
    Entry,
    FaceEntry,
    Failure,
    read_manifest,
    write_manifest,
)
from likeness.report.collect import Collected
from likeness.report.view import examples_first
from likeness.store.items import ItemStore
from likeness.store.keys import item_key

pytestmark = pytest.mark.slow
ITEMS = 200
MANY = 1_000
"""So many that the 25 kB of the last item that each of two workers had are 50 bytes of each."""


def held_bytes(get: Callable[[], Any], items: int = ITEMS) -> float:
    """What is held of each item by what `get` returns, or holds already."""
    gc.collect()
    tracemalloc.start()
    try:
        got = get()
        gc.collect()
        assert len(got) == items
        return tracemalloc.get_traced_memory()[0] / items
    finally:
        tracemalloc.stop()


class Everything:
    """Anything that is held of all items."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __len__(self) -> int:
        return ITEMS


def entry(number: int) -> Entry:
    """A line as long as those of photographs: with marks and an outline."""
    marks = {str(n): (1.25 * n, 2.5 * n, 0.5) for n in range(24)}
    outline = tuple((1.5 * n, 2.25 * n) for n in range(36))
    face = FaceEntry(box_px=(1, 2, 3, 4), score=0.9, yaw_deg=0, pitch_deg=0, sharpness=0.5, age_years=30,
                     marks_px=marks, outline_px=outline)  # fmt: skip
    return Entry(id=f"jade-s{number}", file=f"jade-s{number}.png", sha256=f"{number:064x}", width=8, height=8,
                 source=f"s{number}", target=None, rating="sfw", faces=(face,), provider="none", cost_usd=0,
                 parents=(f"{number:064x}",))  # fmt: skip


def test_of_a_manifest_nothing_is_held_but_where_its_lines_lie(tmp_path):
    refused = [
        entry(n).failure(kind="refused", reason="blurred", detail="d" * 200, remedy="r" * 200)
        for n in range(ITEMS)
    ]
    write_manifest(tmp_path, map(entry, range(ITEMS)), refused)
    assert (tmp_path / MANIFEST).stat().st_size > 1_500 * ITEMS
    read_manifest(tmp_path)  # whatever is imported on the way
    assert held_bytes(lambda: read_manifest(tmp_path).entries) < 60
    assert held_bytes(lambda: read_manifest(tmp_path).failures) < 60
    assert (
        held_bytes(lambda: write_manifest(tmp_path / "other", map(entry, range(ITEMS)), refused).entries) < 60
    )


def test_while_a_manifest_is_written_no_key_of_each_line_is_held(tmp_path):
    def failure(number: int) -> Failure:
        return Failure(id=f"jade-s{number}", kind="refused", reason="blurred", detail="d", remedy="r")

    def peak(items: int) -> int:
        gc.collect()
        tracemalloc.start()
        try:  # the first ones come last, as swaps come after photographs that pass
            write_manifest(tmp_path, [], map(failure, (*range(9, items), *range(9))))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(9)  # whatever is imported on the way
    assert peak(2 * ITEMS) - peak(ITEMS) < 60 * ITEMS


def test_what_was_read_stays_whatever_becomes_of_the_file(tmp_path):
    write_manifest(tmp_path, map(entry, range(3)), [])
    read = read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_bytes(b"x" * (tmp_path / MANIFEST).stat().st_size)
    assert [one.id for one in read.entries] == ["jade-s0", "jade-s1", "jade-s2"]


def test_a_list_in_a_file_reads_as_one_in_memory_and_closes_its_file():
    before, words = set(os.listdir("/proc/self/fd")), [{"a": 1}, "b" * 100_000, None]
    spool = Spool(words)
    assert (list(spool), spool[-1], spool[1:], len(spool)) == (words, None, words[1:], 3)
    spool.append("last")
    assert spool[3] == "last"
    del spool
    assert set(os.listdir("/proc/self/fd")) == before


def test_an_index_finds_the_last_of_equal_ones_and_nothing_that_is_not_there():
    numbers = [3, 1, 2, 1]
    index = Index(numbers, lambda number: f"n{number}")
    assert [index.number(f"n{number}") for number in range(5)] == [None, 3, 2, 0, None]
    assert (index.get("n2"), index.get("n9")) == (2, None)
    assert held_bytes(lambda: Everything(Index(range(ITEMS), str))) < 40


def test_the_report_reads_each_entry_when_it_shows_it(tmp_path):
    manifest = write_manifest(tmp_path, map(entry, range(ITEMS)), [])
    got = Collected(places=PersonaPaths("jade"), judge=lambda picture: None, steps={"ingested": manifest}, folders={},
                    evaluation=cast(Any, None),
                    samples=manifest, training=cast(Any, None), deliverables=())  # fmt: skip
    whole = held_bytes(lambda: list(manifest.entries))

    def work() -> list[Entry]:
        assert set(enlargements(manifest.entries, manifest.entries)) == {1}
        return [*examples_first(manifest.entries, 5, 9), got.photo("s7") or entry(0)]

    gc.collect()
    tracemalloc.start()
    try:
        chosen = work()
        peak = tracemalloc.get_traced_memory()[1] / ITEMS
    finally:
        tracemalloc.stop()
    assert [one.id for one in chosen] == [f"jade-s{number}" for number in (*range(9), 7)]
    assert peak < 0.2 * whole


def test_entries_read_as_they_were_written_in_any_order(tmp_path):
    written = [entry(number) for number in range(12)]
    manifest = write_manifest(tmp_path, reversed(written), [])
    for entries in (manifest.entries, read_manifest(tmp_path).entries):
        assert entries == written
        assert [entries[-1], entries[0], entries[3]] == [written[11], written[0], written[3]]
        assert entries[2:5] == written[2:5]


def test_a_lazy_sequence_ends_where_a_list_does():
    made: list[int] = []
    lazy = Lazy(3, lambda number: made.append(number) or number * 10)
    assert (list(lazy), lazy[-1], lazy[1:]) == ([0, 10, 20], 20, [10, 20])
    assert made == [0, 1, 2, 1, 2]  # the last one asked for is not made again


def test_an_element_that_cannot_be_made_is_no_end():
    lazy = Lazy(3, lambda number: [7, 8][number])
    with pytest.raises(IndexError):
        list(lazy)


def test_what_makes_an_item_is_let_go_of_when_it_is_made(tmp_path):
    """Far below an item's settings and bytes, far above what two workers' last items are of all of them."""
    store, settings = ItemStore(tmp_path), {"models": "m" * 5_000}

    def work(number: int) -> Work:
        large, key = bytes(20_000), item_key("test", 1, settings, [str(number)])
        return Work(id=str(number), key=key, make=lambda: Made(files={}, record={"bytes": len(large)}),
                    judge=lambda record, large=large: None)  # fmt: skip

    run_batch("test", Lazy(MANY, work), store, workers=2)
    assert held_bytes(lambda: run_batch("test", Lazy(MANY, work), store, workers=2), MANY) < 200
    assert store.made_of(work(7).key)["settings"] == settings


def test_what_was_measured_on_an_image_is_not_held(tmp_path):
    store, record = ItemStore(tmp_path), {"measured": "x" * 20_000}

    def work(number: int) -> Work:
        key = item_key("test", 1, {}, [str(number)])
        return Work(id=str(number), key=key, make=lambda: Made(files={"a": b"%d" % number}, record=record))

    works = [work(number) for number in range(MANY)]
    run_batch("test", works, store, workers=2)
    held = held_bytes(lambda: run_batch("test", works, store, workers=2), MANY)
    assert held < 200
    [outcome] = run_batch("test", works[:1], store, workers=1)
    assert outcome.item is not None
    assert outcome.item.record == record
