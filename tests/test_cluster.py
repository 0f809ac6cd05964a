"""Items made on a cluster are those that are made here; what is lost is made again, and nothing goes on without consent."""

import errno
import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import cluster_stage
import pytest
from cluster_stage import ITEMS, told, tried_run, works
from fake_ray import FakeRay

import likeness.cluster
from likeness.cluster import ATTEMPTS, spread
from likeness.errors import ConfigError, ConsentError, DiskError, TransientError
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.run import Run
from likeness.store.items import ItemStore


@pytest.fixture
def ray(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    fake, mask = FakeRay(2), os.umask(0o022)
    monkeypatch.setattr(likeness.cluster, "_ray", lambda: fake)
    yield fake
    fake.pool.shutdown()
    os.umask(mask)


def on_cluster(run: Run, asked: list[Work] | None = None) -> list[Outcome]:
    return replace(run, spread=partial(spread, cluster_stage.main)).batch(works() if asked is None else asked)


def stored(run: Run) -> dict[str, bytes]:
    root = run.items.root
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_same_outcomes_and_the_same_bytes_as_here(ray, capsys):
    here, there = (
        tried_run("items.root=.cache/here"),
        tried_run("items.root=.cache/there", "items.engine=ray"),
    )
    local, spread_out = here.batch(works()), on_cluster(there)
    assert told(spread_out) == [
        line.replace(str(here.items.root), str(there.items.root)) for line in told(local)
    ]
    assert stored(there) == stored(here)
    assert [one.failure.reason for one in spread_out if one.failure] == [
        "dark",
        "no",
        "busy",
        "unexpected",
        "gate",
    ]
    said = capsys.readouterr().err
    assert said.count("resize: 12/12") == 2  # progress as here
    assert said.count("jade-s7: Traceback") == 2  # what nobody foresaw there is told here


def test_what_a_worker_writes_is_this_user_s_alone(ray):
    run = tried_run("items.engine=ray")
    on_cluster(run)
    assert {stat.S_IMODE(path.stat().st_mode) for path in run.items.root.rglob("*.json")} == {0o600}


def test_a_batch_with_nothing_new_starts_no_cluster(ray):
    run, good = tried_run("items.engine=ray"), [one for one in works() if one.id in ("jade-s1", "jade-s2")]
    first = on_cluster(run, good)
    assert (ray.starts, [one.reused for one in first]) == (1, [False, False])
    assert [one.reused for one in on_cluster(run, good)] == [True, True]
    assert ray.starts == 1


def test_a_lost_worker_s_item_is_made_by_another(ray):
    ray.lose(0, 1)
    run = tried_run("items.engine=ray")
    assert sum(one.item is not None for one in on_cluster(run)) == ITEMS - 5


def test_an_item_that_loses_every_worker_is_left_for_the_next_run(ray, monkeypatch):
    one = works()[1]
    monkeypatch.setattr(
        likeness.cluster.Worker,
        "make",
        lambda self, key: (_ for _ in ()).throw(ray.exceptions.RayActorError("gone")),
    )
    [outcome] = on_cluster(tried_run("items.engine=ray"), [one])
    assert outcome.unfinished
    assert outcome.failure is not None
    assert (outcome.failure.reason, outcome.item) == ("worker-lost", None)
    assert f"{ATTEMPTS} workers were lost" in outcome.failure.detail


def test_a_worker_that_cannot_start_ends_the_batch_at_once(ray, monkeypatch):
    error = ray.exceptions.RayActorError("ModuleNotFoundError: no likeness here")
    error.actor_init_failed = True
    monkeypatch.setattr(likeness.cluster.Worker, "make", lambda self, key: (_ for _ in ()).throw(error))
    with pytest.raises(ConfigError, match="cannot work: ModuleNotFoundError") as caught:
        on_cluster(tried_run("items.engine=ray"))
    assert "items.engine=local" in caught.value.remedy


def test_a_full_disk_on_a_worker_ends_the_batch_in_its_own_words(ray, monkeypatch):
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("likeness.disk.os.fsync", full)
    with pytest.raises(DiskError, match="no space is left") as caught:
        on_cluster(tried_run("items.engine=ray"))
    assert "what is finished stays" in caught.value.remedy


def test_another_likeness_on_a_worker_whose_items_are_others_is_found(ray, monkeypatch):
    """One whose ingest, say, has another version: no item of it is taken for one of ours."""
    ours = works()
    monkeypatch.setattr(
        cluster_stage, "works", lambda: [replace(one, key=f"{n:064x}") for n, one in enumerate(ours)]
    )
    run = tried_run("items.engine=ray")
    with pytest.raises(ConfigError, match="gives other items than here") as caught:
        on_cluster(run, ours)
    assert "the same likeness" in caught.value.remedy
    assert not list(run.items.keys())


def test_an_item_that_fails_on_one_machine_only_is_made_by_the_next_run(ray, monkeypatch):
    one, tries = works()[1], list[int]()

    def make(number: int) -> Made:
        tries.append(number)
        if len(tries) == 1:
            raise MemoryError("this machine's")
        return Made(files={"image.png": b"picture"}, record={})

    monkeypatch.setattr(cluster_stage, "make", make)
    run = tried_run("items.engine=ray")
    [first], [second] = on_cluster(run, [one]), on_cluster(run, [one])
    assert first.failure is not None
    assert (first.failure.reason, second.failure, tries) == ("unexpected", None, [1, 1])


def test_consent_is_asked_on_the_worker_too(ray, monkeypatch):
    """The one who asks has it; the worker's folder knows that it has ended."""
    run = tried_run("items.engine=ray")
    made = partial(likeness.cluster.Worker.make)
    monkeypatch.setattr(
        likeness.cluster.Worker, "make", lambda self, key: (Path("revoked").touch(), made(self, key))[1]
    )
    with pytest.raises(ConsentError, match="revoked"):
        on_cluster(run)
    assert not list(run.items.keys())


def test_other_files_on_a_worker_are_an_error_that_says_so(ray):
    asked = [replace(works()[0], key="f" * 64)]
    with pytest.raises(ConfigError, match="gives other items than here") as caught:
        on_cluster(tried_run("items.engine=ray"), asked)
    assert "the same path" in caught.value.remedy


def test_what_was_made_in_another_store_is_an_error_that_says_so(ray, monkeypatch):
    monkeypatch.setattr(ItemStore, "get", lambda *_: None)
    with pytest.raises(ConfigError, match=r"jade-s\d+: \S+ made it, and it is not in"):
        on_cluster(tried_run("items.engine=ray"))


def test_a_stop_ends_the_batch(ray):
    run = replace(tried_run("items.engine=ray"), stop=threading.Event())
    run.stop.set()
    with pytest.raises(TransientError, match="stopped after 0 of 12 items"):
        on_cluster(run)


@pytest.mark.parametrize("kind", [Exception, ConnectionError])
def test_a_cluster_that_does_not_start_is_said(ray, monkeypatch, kind):
    def init(**options: object) -> None:
        raise kind("The current node timed out during startup")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(ConfigError, match="no cluster for it: The current node timed out") as caught:
        on_cluster(tried_run("items.engine=ray"))
    assert "items.engine=local" in caught.value.remedy


def test_a_cluster_without_room_and_no_ray_at_all_are_said(ray, monkeypatch):
    run = tried_run("items.engine=ray", "items.ray.gpus=1")
    with pytest.raises(ConfigError, match="no room for a worker of 1 CPUs and 1 GPUs"):
        on_cluster(run)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="not installed"):
        on_cluster(run)
