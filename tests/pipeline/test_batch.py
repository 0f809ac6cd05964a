"""A batch makes what is missing, reuses what is there, and loses nothing when something fails."""

import errno
import json
import threading
from functools import partial
from pathlib import Path

import pytest

from likeness.digests import sha256_bytes
from likeness.errors import AuthError, ConfigError, DiskError, InputError, TransientError, UnreachableError
from likeness.pipeline.batch import Made, Work, run_batch
from likeness.pipeline.manifest import Entry, FaceEntry, Failure, read_manifest
from likeness.pipeline.outputs import finish


def work(number, calls=None, error=None):
    def make():
        if calls is not None:
            calls.append(number)
        if error is not None:
            raise error
        return Made(files={"picture": str(number).encode()}, record={"number": number})

    image = f"jade-s{number}"
    return Work(id=image, key=sha256_bytes(str(number).encode()), make=make, line=partial(line, image))


def line(image, item):
    name = f"{image}.png"
    entry = Entry(id=image, file=name, sha256=item.files["picture"].sha256, width=1, height=1, source=None,
                 target=None, rating="sfw", faces=(), provider="test", cost_usd=0, parents=())  # fmt: skip
    return entry, {name: "picture"}


def test_results_come_in_the_order_asked_for(store):
    outcomes = run_batch("swap", [work(n) for n in range(50)], store, workers=4)
    assert [outcome.item.record["number"] for outcome in outcomes] == list(range(50))


def test_finished_items_are_not_made_again(store):
    calls = []
    run_batch("swap", [work(n, calls) for n in range(5)], store, workers=2)
    outcomes = run_batch("swap", [work(n, calls) for n in range(6)], store, workers=2)
    assert sorted(calls) == [0, 1, 2, 3, 4, 5]
    assert [outcome.reused for outcome in outcomes] == [True] * 5 + [False]


def test_a_refusal_is_remembered_and_a_transient_fault_is_not(store):
    calls = []
    refused = InputError("too blurred", reason="blurred", remedy="a sharper photo", kind="refused")
    works = [work(1, calls, refused), work(2, calls, TransientError("busy")), work(3, calls)]
    first = run_batch("swap", works, store, workers=1)
    again = run_batch("swap", works, store, workers=1)
    assert calls == [1, 2, 3, 2]
    assert first[0].failure == again[0].failure == Failure(
        id="jade-s1", kind="refused", reason="blurred", detail="too blurred", remedy="a sharper photo")  # fmt: skip
    assert again[2].item is not None


def test_what_may_go_through_another_time_is_tried_again(store):
    calls = []
    no_memory = InputError("no memory", reason="out-of-memory", repeats=False)
    for _ in range(2):
        [outcome] = run_batch("ingest", [work(1, calls, no_memory)], store, workers=1)
        assert outcome.failure is not None
        assert outcome.unfinished
    assert calls == [1, 1]


@pytest.mark.parametrize("error", [AuthError("wrong key"), UnreachableError("connection refused")], ids=repr)
def test_a_wrong_key_and_a_dead_server_stop_the_batch_and_keep_what_is_done(store, error):
    works = [work(1), work(2, error=error), *[work(n) for n in range(3, 100)]]
    with pytest.raises(type(error)):
        run_batch("swap", works, store, workers=1)
    assert store.get(works[0].key) is not None
    assert store.get(works[-1].key) is None


def test_what_a_library_raises_costs_its_own_item_with_its_traceback_in_the_log(store, capsys):
    works = [
        work(1, error=ZeroDivisionError("in a decoder")),
        work(2),
        work(3, error=ConfigError("no such model")),
    ]
    outcomes = run_batch("swap", works[:2], store, workers=1)
    assert (outcomes[0].failure.reason, outcomes[0].failure.kind) == ("unexpected", "failed")
    assert "ZeroDivisionError: in a decoder" in outcomes[0].failure.detail
    assert outcomes[1].item is not None
    said = capsys.readouterr().err
    assert "jade-s1: Traceback" in said
    assert "test_batch.py" in said
    assert run_batch("swap", works[:1], store, workers=1)[0].failure is not None  # nothing of it was stored
    with pytest.raises(ConfigError):
        run_batch("swap", works, store, workers=1)


def test_a_fault_of_ours_is_told_as_ours_and_counted_apart(store, in_tmp, capsys):
    unreadable = FaceEntry.model_construct(box_px=None)
    ours = Work(id="jade-s1", key=f"{1:064d}", make=lambda: unreadable.moved(1, 1))
    outcomes = run_batch("swap", [ours, work(2, error=TypeError("in a library")), work(3)], store, workers=1)
    assert [outcome.failure and outcome.failure.reason for outcome in outcomes] == ["bug", "unexpected", None]
    assert "manifest.py:" in outcomes[0].failure.detail
    assert "fault of likeness" in outcomes[0].failure.remedy
    finish("swap", in_tmp / "out", outcomes, max_failure_ratio=1, counts=in_tmp / "counts.json")
    assert "1 items failed by a fault of likeness" in capsys.readouterr().err
    counts = json.loads((in_tmp / "counts.json").read_text())
    assert (counts["bugs"], counts["failed"], counts["items"]) == (1, 2, 1)


def test_a_full_disk_is_no_items_fault(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put", full)
    with pytest.raises(OSError, match="No space left"):
        run_batch("swap", [work(1)], store, workers=1)


def test_a_stopped_batch_starts_nothing_more_and_keeps_what_was_running(store):
    stop = threading.Event()

    def last():
        stop.set()
        return Made(files={}, record={"number": 2})

    works = [work(1), Work(id="jade-s2", key=f"{2:064d}", make=last), work(3)]
    with pytest.raises(TransientError) as caught:
        run_batch("swap", works, store, workers=1, stop=stop)
    assert caught.value.reason == "stopped"
    assert [store.get(one.key) is not None for one in works] == [True, True, False]


def test_no_more_items_are_in_flight_than_workers(store):
    lock, running, most = threading.Lock(), [0], [0]
    meet = threading.Barrier(3, timeout=60)

    def make():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        meet.wait()
        with lock:
            running[0] -= 1
        return Made(files={}, record={})

    run_batch("swap", [Work(id=str(n), key=f"{n:064d}", make=make) for n in range(12)], store, workers=3)
    assert most[0] == 3


def test_finish_lays_out_files_manifest_and_failures(store, in_tmp):
    folder = in_tmp / "data" / "jade" / "swapped"
    outcomes = run_batch("swap", [work(10), work(2), work(3, error=InputError("broken"))], store, workers=2)
    finish("swap", folder, outcomes, max_failure_ratio=0.5, counts=in_tmp / "counts.json")
    manifest = read_manifest(folder)
    assert [line.id for line in manifest.entries] == ["jade-s2", "jade-s10"]
    assert (folder / "jade-s10.png").read_bytes() == b"10"
    assert [failure.id for failure in manifest.failures] == ["jade-s3"]


def test_the_outcomes_are_read_once(store, in_tmp):
    """Each of them is unpickled from a file, and a stage of 10,000 images has nothing else to do when all are there."""
    run_batch("swap", [work(1)], store, workers=1)
    works = [work(1), work(2), work(3, error=TransientError("busy"))]
    outcomes = iter(run_batch("swap", works, store, workers=1))
    finish(
        "swap",
        in_tmp / "out",
        outcomes,
        max_failure_ratio=1,
        counts=in_tmp / "counts.json",
        leave_unfinished=True,
    )
    counts = json.loads((in_tmp / "counts.json").read_text())
    assert (counts["items"], counts["made"], counts["reused"], counts["failed"]) == (2, 2, 1, 1)


def test_an_edit_of_a_laid_out_file_leaves_the_store_intact(store, in_tmp):
    outcomes = run_batch("swap", [work(1)], store, workers=1)
    finish("swap", in_tmp / "out", outcomes, max_failure_ratio=0, counts=in_tmp / "counts.json")
    with (in_tmp / "out" / "jade-s1.png").open("r+b") as file:
        file.write(b"scribble")
    assert store.verify() == []


def test_too_many_failures_fail_the_stage_after_writing_everything(store, in_tmp):
    works = [
        work(1),
        work(2, error=InputError("broken", reason="truncated")),
        work(3, error=InputError("broken")),
    ]
    with pytest.raises(InputError, match="2 of 3 items failed") as caught:
        finish(
            "swap",
            in_tmp / "out",
            run_batch("swap", works, store, workers=1),
            max_failure_ratio=0.5,
            counts=in_tmp / "counts.json",
        )
    assert "failures.jsonl" in caught.value.remedy
    assert len(read_manifest(in_tmp / "out").failures) == 2


def test_skipped_items_do_not_count_as_failures(store, in_tmp):
    skipped = [Failure(id=f"jade-s{n}", kind="skipped", reason="yaw", detail="", remedy="") for n in range(9)]
    finish("swap", in_tmp / "out", run_batch("swap", [work(1)], store, workers=1), failures=skipped,
           max_failure_ratio=0, counts=in_tmp / "counts.json")  # fmt: skip
    assert len(read_manifest(in_tmp / "out").failures) == 9


def test_a_full_disk_ends_the_stage_and_keeps_what_is_finished(store):
    full = OSError(errno.ENOSPC, "No space left on device", "/data/x.png")
    works = [work(1), work(2, error=full)]
    with pytest.raises(DiskError, match=r"/data/x\.png: no space is left"):
        run_batch("swap", works, store, workers=1)
    assert [store.get(one.key) is not None for one in works] == [True, False]


def test_a_stage_ends_with_what_it_left_out_and_where_to_read_on(store, in_tmp, capsys):
    dark = InputError("too dark", reason="dark", remedy="more light", kind="refused")
    works = [work(1), work(2, error=dark), work(3, error=dark)]
    for _ in range(2):  # a refusal that the store remembers is told again
        outcomes = run_batch("swap", works, store, workers=1)
        finish("swap", Path("swapped"), outcomes, max_failure_ratio=1, counts=Path("counts.json"))
        said = capsys.readouterr().err
        assert f"swap: 1 of 3 go on; left out: 2 dark\n  dark: {works[1].id}: too dark; more light\n" in said
        assert "  swapped/failures.jsonl says why" in said
    finish("swap", Path("swapped"), outcomes[:1], max_failure_ratio=1, counts=Path("counts.json"))
    assert "left out" not in capsys.readouterr().err
