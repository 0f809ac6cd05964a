"""A job's cost by RunPod's own bill, and by our estimate where there is none: a real client, a fake of RunPod on loopback."""

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from conf_sections import composition

from fakes.server import FakeServers
from likeness.cli import cloud as commands
from likeness.cli.cloud_jobs import Cloud, settle
from likeness.cloud.bills import Bills
from likeness.cloud.engine import EngineJob
from likeness.cloud.records import JobRecords, Life
from likeness.config import load_config
from likeness.paths import RepositoryPaths
from likeness.purchases.budget import Spending
from likeness.purchases.history import purchases
from likeness.store.s3 import Remote

JOB, USD = "likeness-jade-1", 0.6
BEGAN = "2026-10-05T12:00:00+00:00"


def bill(pod: str, usd: float) -> dict[str, Any]:
    return {"podId": pod, "startTime": BEGAN, "endTime": BEGAN, "totalAmount": usd}


@pytest.fixture(scope="module")
def servers():
    with FakeServers(keys={"runpod": "right"}) as running:
        yield running


class Told:
    """What the engine says: the job ended, so many machines of it were lost, and whether the last one is not yet taken away."""

    def __init__(self, lost: int, *, there: bool = False, left: bool = False) -> None:
        self.lost, self.there, self.left = lost, there, left

    def jobs(self) -> list[EngineJob]:
        return [EngineJob(number=1, name=JOB, status="SUCCEEDED", ended=True, seconds=3600.0, recoveries=self.lost, machine="",
                          reason="", held_s=7200.0 if self.there else 0.0, there=self.there, left=self.left)]  # fmt: skip


class World:
    """A job that ran for an hour at RunPod, on these pods one after the other."""

    def __init__(self, folder: Path, servers: FakeServers) -> None:
        self.servers, self.store = servers, Remote((folder / "store").as_uri())
        servers.set(runpod_pods=[], runpod_bills=[])
        servers.set_faults({})
        Path("params.yaml").write_bytes(composition("budget.max_usd=null", f"cloud.runpod.base_url={servers.runpod_url}",
                                                    "cloud.runpod.limits.backoff_s=0", "cloud.runpod.limits.attempts=2"))  # fmt: skip
        self.cfg, self.repository = load_config(Path("params.yaml")), RepositoryPaths.here()
        self.spending = Spending(
            self.repository.spending, prices={}, budget=self.cfg.budget, stage="launch", persona=""
        )
        self.spending.reserve("runpod machine hours", JOB, JOB, 5.0)

    def ran_on(self, *pods: str) -> None:
        records = JobRecords(self.store, JOB)
        records.announce({"machines": [{"usd_per_hour": USD}], "usd_max": 5.0})
        for pod in pods:
            records.begin(Life(machine="runpod RTX4090", began=BEGAN, seconds=3600 / len(pods), usd_per_hour=USD, end="done",
                               pod=pod))  # fmt: skip

    def cloud(self, lost: int = 0) -> Cloud:
        engine: Any = Told(lost)
        return Cloud(cfg=self.cfg, repository=self.repository, store=self.store, engine=engine)

    def look(self, lost: int = 0) -> Any:
        """The job as it is told, once it is booked."""
        cloud = self.cloud(lost)
        known = settle(cloud, cloud.jobs())
        (view,) = known.jobs
        return view, list(known.notes), known.problems

    @property
    def booked(self) -> float:
        (one,) = purchases(self.repository.spending)
        assert one.end == "paid"
        assert self.spending.total_usd == pytest.approx(one.usd)
        return one.usd


@pytest.fixture
def world(in_tmp, servers, monkeypatch):
    monkeypatch.setenv("RUNPOD_API_KEY", "right")
    return World(in_tmp, servers)


def test_runpods_bill_counts_and_not_our_estimate(world):
    world.ran_on("p1", "p2")
    world.servers.set(runpod_bills=[bill("p1", 0.2), bill("p1", 0.25), bill("p2", 0.3), bill("another", 9)])
    before = world.servers.counts().get("runpod.bills", 0)
    view, notes, _ = world.look(lost=1)
    assert (view.usd, view.by, notes) == (pytest.approx(0.75), "RunPod", [])
    assert world.booked == pytest.approx(0.75)
    assert world.servers.counts()["runpod.bills"] == before + 1


def test_what_is_still_being_taken_away_is_not_booked_as_if_it_were_gone(world, monkeypatch, capsys):
    world.ran_on("p1")
    world.servers.set(runpod_bills=[bill("p1", 0.45)])
    engine: Any = Told(0, there=True)
    cloud = dataclasses.replace(world.cloud(), engine=engine)
    (view,) = settle(cloud, cloud.jobs()).jobs
    assert (view.ended, view.leaves, view.usd, view.by) == (False, True, pytest.approx(2 * USD), "estimate")
    monkeypatch.setattr(Cloud, "here", staticmethod(lambda: cloud))
    assert commands.status_command() == 0
    assert f"{JOB} has ended; its machine bills until" in " ".join(capsys.readouterr().out.split())
    assert [one.end for one in purchases(world.repository.spending)] == ["open"]
    # Nobody takes away what a dead controller left: its own timer did, and its signs count.
    engine.left = True
    (view,) = settle(cloud, cloud.jobs()).jobs
    assert (view.ended, view.leaves, view.usd, view.by) == (True, False, pytest.approx(0.45), "RunPod")
    assert world.booked == pytest.approx(0.45)


def test_who_looks_for_machines_to_end_waits_for_no_bill(world):
    world.ran_on("p1")
    before = world.servers.counts().get("runpod.bills", 0)
    (view,) = world.cloud().jobs().jobs
    assert view.by == "estimate"
    assert world.servers.counts().get("runpod.bills", 0) == before


@pytest.mark.parametrize(
    ("bills", "lost", "why"),
    [
        ([], 0, "has nothing of pod p1"),
        ([bill("p1", 0)], 0, "has nothing of pod p1"),
        ([bill("p1", 0.5)], 0, "has nothing of pod p2"),
        ([bill("p1", 0.5), bill("p2", 0.5)], 2, "a machine was lost before it wrote who it is"),
    ],
)
def test_where_the_bill_lacks_a_machine_the_estimate_counts_and_says_why(world, bills, lost, why):
    world.ran_on("p1", "p2")
    world.servers.set(runpod_bills=bills)
    view, (note,), problems = world.look(lost)
    assert (view.usd, view.by, problems) == (pytest.approx(USD), "estimate", [])
    assert JOB in note
    assert why in note
    assert world.booked == pytest.approx(USD)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("server_error", "RunPod"), ("rate_limit", "429"), ("truncated", "RunPod"), ("malformed", "RunPod"), ("drop_after", "RunPod"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_had_costs_a_sentence_and_no_booking(world, fault, why):
    world.ran_on("p1")
    world.servers.set(runpod_bills=[bill("p1", 0.45)])
    world.servers.set_faults({"runpod.bills": {fault: {"share": 1.0}}})
    view, (note,), problems = world.look()
    assert (view.by, problems, world.booked) == ("estimate", [], pytest.approx(USD))
    assert "RunPod's bills cannot be had" in note
    assert why in note
    world.servers.set_faults({})
    view, notes, _ = world.look()
    assert (view.by, notes, world.booked) == ("RunPod", [], pytest.approx(0.45))


def test_a_bill_that_comes_later_takes_the_estimates_place_once(world):
    world.ran_on("p1")
    world.look()
    assert world.booked == pytest.approx(USD)
    world.servers.set(runpod_bills=[bill("p1", 0.45)])
    world.look()
    lines = world.repository.spending.read_text().splitlines()
    world.look()
    assert world.repository.spending.read_text().splitlines() == lines
    assert world.booked == pytest.approx(0.45)
    assert [json.loads(one)["usage"]["by"] for one in lines[1:]] == ["estimate", "RunPod"]
    # A bill that is gone again, or a year old, changes nothing that was booked.
    world.servers.set(runpod_bills=[])
    world.look()
    assert world.booked == pytest.approx(0.45)


def test_without_a_key_and_on_ones_own_machine_nobody_is_asked(world, monkeypatch):
    before = world.servers.counts().get("runpod.bills", 0)
    world.ran_on("")
    view, notes, _ = world.look()
    assert (view.by, notes) == ("estimate", [])
    world.ran_on("p1")
    monkeypatch.delenv("RUNPOD_API_KEY")
    _, (note,), _ = world.look()
    assert "RUNPOD_API_KEY, which is not set here" in note
    assert world.servers.counts().get("runpod.bills", 0) == before


def test_a_bill_of_the_hour_is_not_taken_for_whole(world):
    world.servers.set(runpod_bills=[bill("p1", 0.1)])
    life = Life(machine="runpod RTX4090", began=BEGAN, seconds=3600, usd_per_hour=USD, pod="p1")
    ended = datetime.datetime.fromisoformat(BEGAN) + datetime.timedelta(hours=1)
    early = Bills(world.cfg, ended + datetime.timedelta(minutes=59))
    assert early.of(JOB, [life], 0, USD) is None
    assert "ended less than an hour ago" in early.notes[0]
    assert Bills(world.cfg, ended + datetime.timedelta(minutes=60)).of(JOB, [life], 0, 0.1) == pytest.approx(
        0.1
    )


@pytest.mark.parametrize(
    ("hours", "billed", "taken"),
    [(1, 0.3, False), (47, 0.3, False), (48, 0.3, True), (1, 0.58, True), (1, 0.9, True)],
)
def test_a_bill_of_less_than_the_machines_counted_waits_until_it_can_be_whole(world, hours, billed, taken):
    world.servers.set(runpod_bills=[bill("p1", billed)])
    life = Life(machine="runpod RTX4090", began=BEGAN, seconds=3600, usd_per_hour=USD, pod="p1")
    ended = datetime.datetime.fromisoformat(BEGAN) + datetime.timedelta(hours=1)
    bills = Bills(world.cfg, ended + datetime.timedelta(hours=hours))
    assert bills.of(JOB, [life], 0, USD) == (pytest.approx(billed) if taken else None)
    assert bills.notes == ([] if taken else [f"{JOB}: its cost is our estimate: RunPod's bill has $0.30 of it so far, which may "
                                             "not be all; look again tomorrow"])  # fmt: skip


def test_the_command_says_whose_figure_it_is(world, capsys, monkeypatch):
    world.ran_on("p1")
    monkeypatch.setattr(Cloud, "here", staticmethod(lambda: Cloud(
        cfg=world.cfg, repository=world.repository, store=world.store, engine=None)))  # fmt: skip
    commands.cost_command()
    said = capsys.readouterr().out
    assert "estimate" in said
    assert "RunPod's list of bills has nothing of pod p1" in said
    world.servers.set(runpod_bills=[bill("p1", 0.45)])
    commands.cost_command()
    said = capsys.readouterr().out
    assert " RunPod " in said
    assert "0.45" in said
