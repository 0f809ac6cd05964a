"""A job is ended: by a signal, by `likeness cloud stop`, and where its machine or the engine hangs."""

import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from likeness.cli import cloud, cloud_jobs
from likeness.cloud.dead_man import DeadMan, Limits
from likeness.cloud.engine import Engine, EngineJob
from likeness.cloud.job import EndedError, Job, ended_in_words
from likeness.cloud.parcel import Parcel
from likeness.cloud.records import JobRecords, Life
from likeness.cloud.runpod import Pod
from likeness.errors import ConfigError, LikenessError, TransientError
from likeness.store.s3 import Remote

NAME = "likeness-jade-1"
LIMITS = Limits(max_s=60, silence_s=60, lease_s=60, probe_steps=9)
SAVES = """
import pathlib, signal, sys, time
def save(*_):
    pathlib.Path(sys.argv[1]).write_text("checkpoint")
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
print("train: 1/9, 1.0/s, about 8 s left", flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("train: 1/9, 1.0/s, about 8 s left", flush=True)
time.sleep(60)
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    parcel = Parcel(job=NAME, persona="jade", experiment=NAME, pull=[], store="", max_s=60, silence_s=60, lease_s=60,
                    probe_steps=9, machines=[])  # fmt: skip
    records = JobRecords(Remote((tmp_path / "store").as_uri()), NAME)
    records.begin(Life(machine="slurm", began="x", seconds=0.0, usd_per_hour=0.0))
    timer = DeadMan(LIMITS, spent_s=0.0, clock=time.monotonic)
    return Job(parcel=parcel, records=records, timer=timer, tick_s=0.01, grace_s=0.3, sign_every_s=0.0)


def test_a_machine_that_is_taken_away_saves_first(job, tmp_path):
    thread = threading.Thread(target=lambda: (until(lambda: job.timer.step == 1), job.stop.set()))
    thread.start()
    with pytest.raises(TransientError) as caught:
        job.run(sys.executable, "-c", SAVES, str(tmp_path / "saved"))
    thread.join()
    assert caught.value.reason == "taken-away"
    assert (tmp_path / "saved").read_text() == "checkpoint"


def test_a_pod_that_ended_itself_is_not_replaced_for_the_rest_of_its_hours(job, monkeypatch):
    """The controller may be there after all: it takes the pod for lost, and rents another."""
    ended: list[str] = []
    monkeypatch.setattr("likeness.cloud.job.end_pod", lambda _: ended.append("pod") or "gone")
    cfg = SimpleNamespace(cloud=SimpleNamespace(runpod=None))
    job.records.renew(0.05)
    with pytest.raises(EndedError) as caught, ended_in_words(job, cfg):
        job.run(sys.executable, "-c", "import time; time.sleep(60)")
    assert (caught.value.reason, ended) == ("controller-gone", ["pod"])

    spent_s = job.records.begin(Life(machine="runpod", began="x", seconds=0.0, usd_per_hour=0.0))
    next_one = replace(job, timer=DeadMan(LIMITS, spent_s=spent_s, clock=time.monotonic), _signed=-1e9)
    with pytest.raises(EndedError) as caught, ended_in_words(next_one, cfg):
        next_one.run(sys.executable, "-c", "import time; time.sleep(60)")
    assert (caught.value.reason, ended) == (
        "stopped",
        ["pod"],
    )  # it fails, and what fails is not started again


def test_what_does_not_hear_a_signal_is_killed(job):
    began = time.monotonic()
    thread = threading.Thread(target=lambda: (until(lambda: job.timer.step == 1), job.stop.set()))
    thread.start()
    with pytest.raises(TransientError):
        job.run(sys.executable, "-c", DEAF)
    thread.join()
    assert time.monotonic() - began < 30


class HangingEngine:
    """Knows the job, and does not answer when it is to end it."""

    def jobs(self) -> list[EngineJob]:
        return [
            EngineJob(
                number=7,
                name=NAME,
                status="RUNNING",
                ended=False,
                seconds=60.0,
                recoveries=0,
                machine="runpod",
                reason="",
            )
        ]

    def cancel(self, number: int) -> None:
        raise TransientError(f"SkyPilot did not answer about {number}", remedy="look again")


class DeadEngine(HangingEngine):
    """Tells nothing at all."""

    def jobs(self) -> list[EngineJob]:
        raise ConfigError("SkyPilot did not answer `jobs`: its server does not start")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A job with a lease of an hour and two pods of one name at RunPod, whose end is recorded; a function names the engine."""
    store = Remote((tmp_path / "store").as_uri())
    records = JobRecords(store, NAME)
    records.announce({"machines": []})
    records.renew(3600)
    pods = [Pod(id=one, name=f"{NAME}-head", status="RUNNING", usd_per_hour=0.6) for one in ("p1", "p2")]

    def end(_: object, ids: list[str]) -> None:
        pods[:] = [one for one in pods if one.id not in ids]

    def with_engine(engine: Any) -> SimpleNamespace:
        nothing: Any = SimpleNamespace()
        found = cloud_jobs.Cloud(cfg=nothing, repository=nothing, store=store, engine=engine)
        monkeypatch.setattr(cloud_jobs.Cloud, "here", staticmethod(lambda: found))
        return SimpleNamespace(records=records, pods=pods)

    monkeypatch.setattr(cloud_jobs.Cloud, "pods", lambda _: list(pods))
    monkeypatch.setattr(cloud, "settle", lambda _, known: known)
    monkeypatch.setattr(cloud, "_terminate", end)
    return with_engine


@pytest.mark.parametrize(
    ("engine", "error"), [(HangingEngine(), "did not answer"), (DeadEngine(), "does not start")]
)
def test_where_the_engine_hangs_the_lease_and_the_pods_are_ended_all_the_same(here, capsys, engine, error):
    job = here(engine)
    with pytest.raises(LikenessError, match=error):
        cloud.stop_command(NAME)
    assert job.pods == []
    assert job.records.lease().seconds == 0
    assert NAME in capsys.readouterr().out


def test_an_engine_or_a_provider_that_cannot_be_asked_hides_no_job(here, capsys, monkeypatch):
    here(DeadEngine())
    assert cloud.status_command() == 1
    said = " ".join(capsys.readouterr().out.split())
    assert NAME in said
    assert "Not all is known: SkyPilot did not answer `jobs`: its server does not start" in said

    def down(_: object) -> list[Pod]:
        raise TransientError("RunPod answers 503")

    here(None)
    monkeypatch.setattr(cloud_jobs.Cloud, "pods", down)
    assert cloud.status_command(as_json=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert ([one["name"] for one in said["jobs"]], said["problems"]) == ([NAME], ["RunPod answers 503"])


def until(there) -> None:
    deadline = time.monotonic() + 60
    while not there() and time.monotonic() < deadline:
        time.sleep(0.005)


class SlowEngine(HangingEngine):
    """Does not answer at first; at its last answer the job has ended."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds

    def jobs(self) -> list[EngineJob]:
        self.left -= 1
        if self.left == 4:
            raise TransientError("SkyPilot did not answer `jobs` within 900 s")
        status = "CANCELLED" if self.left == 0 else "RUNNING"
        return [replace(one, status=status, ended=self.left == 0) for one in super().jobs()]


def test_who_waits_gets_over_a_gap_and_renews_no_lease_that_another_one_ended(tmp_path, monkeypatch, capsys):
    store = Remote((tmp_path / "store").as_uri())
    records, leases, engine = JobRecords(store, NAME), list[float](), SlowEngine(5)
    records.renew(3600)

    def sleep(_: float) -> None:
        leases.append(records.lease().seconds)
        if engine.left == 2:  # a colleague: `likeness cloud stop`
            records.renew(0)

    monkeypatch.setattr(cloud_jobs.time, "sleep", sleep)
    assert cloud_jobs.wait_for([NAME], store, engine, lease_s=900) == [NAME]
    assert leases == [900, 900, 900, 0, 0]
    assert records.end == "stopped"
    told = capsys.readouterr().err
    assert "did not answer `jobs`" in told
    assert f"{NAME} not known yet" in told
    assert f"{NAME} cancelled; `likeness cloud status` says why" in told


@pytest.mark.parametrize("said", ["3", "null", "[]", "{}", "not JSON", "", '{"answer'])
def test_an_engine_that_answers_nonsense_is_told_as_one_that_does_not_answer(said, tmp_path):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\n")
    program.chmod(0o755)
    with pytest.raises(
        ConfigError, match="SkyPilot did not answer `jobs`: nothing that reads, and it ended with status 0"
    ):
        Engine(program).jobs()
