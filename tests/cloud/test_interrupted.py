"""A launch that is interrupted at each of its steps, or overtaken by another: what stays reserved, and what the next one may."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conf_sections import composition

from likeness.cli import launch as launching
from likeness.cli.cloud_jobs import Cloud, settle
from likeness.cli.launch import carry_out
from likeness.cli.launch_twins import refuse_twins
from likeness.cloud.records import TAKEN_AWAY, JobRecords, Life
from likeness.config import load_config
from likeness.errors import ConfigError, LikenessError, TransientError
from likeness.paths import RepositoryPaths
from likeness.purchases.history import purchases
from likeness.store.s3 import Remote

JOB, OTHER, TRAINS = "likeness-jade-1", "likeness-jade-2", "digest"
BEFORE = ["check", "push", "parcel", "announce", "twins", "lease"]


class World:
    """A launch whose steps can be interrupted; `had` is what the engine was handed."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("params.yaml").write_bytes(composition("budget.max_usd=null"))
        self.store, self.repository = Remote((folder / "store").as_uri()), RepositoryPaths.here()
        self.cfg = load_config(Path("params.yaml"))
        self.had: list[str] = []
        self.meanwhile: dict[str, Any] = {}
        plan = SimpleNamespace(job=JOB, trains=TRAINS, task={}, persona="jade", usd_max=4.0, max_hours=2, candidates=[],
                               values=lambda: {"trains": TRAINS, "machines": [], "usd_max": 4.0})  # fmt: skip
        engine = SimpleNamespace(check=lambda _: self.at("check"), launch=self.hand_over, jobs=list)
        ground = SimpleNamespace(files=SimpleNamespace(push=lambda _: self.at("push")), store=self.store, secrets=[], up=[],
                                 repository=self.repository, cfg=self.cfg, engine=engine)  # fmt: skip
        self.launch: Any = SimpleNamespace(plan=plan, engine=engine, ground=ground, folder=folder / "parcel",
                                           experiment=SimpleNamespace(params=""))  # fmt: skip
        monkeypatch.setattr(launching, "job_key", lambda _: ("key", "its public half"))
        monkeypatch.setattr(launching, "_parcel", lambda _: None)
        monkeypatch.setattr(launching, "write_parcel", lambda *_: self.at("parcel"))
        twins, announce, renew = refuse_twins, JobRecords.announce, JobRecords.renew
        monkeypatch.setattr(launching, "refuse_twins", lambda *words: (self.at("twins"), twins(*words))[1])
        monkeypatch.setattr(
            JobRecords,
            "announce",
            lambda one, said, **more: (announce(one, said, **more), self.at("announce"))[0],
        )
        monkeypatch.setattr(JobRecords, "renew", lambda one, s: (renew(one, s), self.at("lease") if s else None)[0])  # fmt: skip

    def at(self, step: str) -> None:
        if (what := self.meanwhile.pop(step, None)) is not None:
            what()

    def hand_over(self, _: object, secrets: dict[str, str]) -> None:
        self.had.append(*secrets)
        self.at("engine")

    def next_one(self) -> None:
        """The same launch, as another job."""
        plan: Any = SimpleNamespace(job="likeness-jade-9", trains=TRAINS)
        refuse_twins(plan, self.store, None)

    def queue(self, **trains: str) -> None:
        """Launch a queue of jobs, each with what it trains."""
        shared = vars(self.launch.plan)

        def planned(job: str, trains: str) -> Any:
            values = {"job": job, "trains": trains, "machines": [], "usd_max": 4.0}
            own = {"job": job, "trains": trains, "called": job, "queued": "commit", "values": lambda: values}
            return SimpleNamespace(**vars(self.launch) | {"plan": SimpleNamespace(**shared | own)})

        launches = [planned(job, digest) for job, digest in trains.items()]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(launching, "plan_queue", lambda *_, **__: (launches, []))
            launching.launch_command(
                "jade", [], queue=True, yes=True, dry_run=False, wait=False, as_json=True
            )

    def look(self) -> list[tuple[str, bool]]:
        """What `likeness cloud status` tells and books, where the engine has none of them."""
        engine: Any = SimpleNamespace(jobs=list)
        cloud = Cloud(cfg=self.cfg, repository=self.repository, store=self.store, engine=engine)
        return [(one.name, one.ended) for one in settle(cloud, cloud.jobs()).jobs]

    @property
    def bought(self) -> list[tuple[str, float]]:
        return [(one.end, one.usd) for one in purchases(self.repository.spending)]


@pytest.fixture
def world(in_tmp, monkeypatch):
    return World(in_tmp, monkeypatch)


def ctrl_c() -> None:
    raise KeyboardInterrupt


def no_network() -> None:
    raise TransientError("the store does not answer")


def refused() -> None:
    raise ConfigError("no cloud is enabled")


@pytest.mark.parametrize("step", BEFORE)
@pytest.mark.parametrize("what", [ctrl_c, no_network])
def test_before_the_engine_has_it_nothing_stays_reserved_and_the_same_may_be_launched(world, step, what):
    world.meanwhile[step] = what
    with pytest.raises((KeyboardInterrupt, TransientError)):
        carry_out(world.launch)
    assert world.had == []
    assert all(one == ("void", 0.0) for one in world.bought)
    world.next_one()
    carry_out(world.launch)
    assert len(world.had) == 1


@pytest.mark.parametrize("what", [ctrl_c, no_network])
def test_what_the_engine_may_have_stays_reserved_until_it_is_stopped(world, what, capsys):
    world.meanwhile["engine"] = what
    with pytest.raises((KeyboardInterrupt, TransientError)):
        carry_out(world.launch)
    assert f"`likeness cloud stop {JOB}` ends it" in capsys.readouterr().err
    assert [end for end, _ in world.bought] == ["open"]
    with pytest.raises(ConfigError, match=f"{JOB} trains the same"):
        world.next_one()
    assert world.look() == [(JOB, False)]
    JobRecords(world.store, JOB).renew(0)
    # The engine never heard of it, and no machine may begin it any more.
    assert world.look() == [(JOB, True)]
    assert world.bought == [("paid", 0.0)]
    world.next_one()


def test_of_two_launches_at_once_never_both_go_out(world):
    def other() -> None:
        records = JobRecords(world.store, OTHER)
        records.announce({"trains": TRAINS})
        records.renew(3600)

    world.meanwhile["push"] = other
    with pytest.raises(ConfigError, match=f"{OTHER} trains the same"):
        carry_out(world.launch)
    assert (world.had, world.bought) == ([], [("void", 0.0)])
    # The other one, which looks a moment later, is not kept from going on.
    plan: Any = SimpleNamespace(job=OTHER, trains=TRAINS)
    refuse_twins(plan, world.store, None)


def test_another_training_is_no_twin(world):
    JobRecords(world.store, OTHER).announce({"trains": "another digest"})
    JobRecords(world.store, "likeness-jade-3").announce({})
    carry_out(world.launch)
    assert len(world.had) == 1


def test_a_machine_that_was_taken_away_may_be_replaced_by_an_engine_that_is_not_here(world):
    records = JobRecords(world.store, JOB)
    records.announce({"machines": []})
    records.renew(3600)
    records.begin(Life(machine="aws L4", began="x", seconds=60.0, usd_per_hour=0.5, end=TAKEN_AWAY))
    assert world.look() == [(JOB, False)]
    records.renew(0)
    assert world.look() == [(JOB, True)]


# ---- a queue


@pytest.mark.parametrize(
    ("what", "booked"), [(refused, "void"), (no_network, "open")], ids=["refused", "nobody knows"]
)
def test_a_refused_job_of_a_queue_does_not_stop_the_others(world, capsys, what, booked):
    world.meanwhile["engine"] = lambda: world.meanwhile.update(engine=what)  # the second one
    with pytest.raises(LikenessError) as caught:
        world.queue(first="1", second="2", third="3")
    assert [end for end, _ in world.bought] == ["open", booked, "open"]
    told = capsys.readouterr().err
    for words in ("first is with the engine", f"second failed: {caught.value.message}", "third is with the engine"):  # fmt: skip
        assert f"launch: {words}" in told
    assert [JobRecords(world.store, one).end for one in ("first", "third")] == [None, None]


def test_what_another_job_trains_stays_in_the_queue_and_the_others_go_out(world, capsys):
    JobRecords(world.store, OTHER).announce({"trains": TRAINS})
    world.queue(running=TRAINS, new="2", twice="2")
    said = json.loads(capsys.readouterr().out)
    assert [one["job"] for one in said["jobs"]] == ["new"]
    assert said["usd_max"] == 4.0
    assert said["left_out"] == [f"running: {OTHER} trains the same, and has not ended",
                                "twice: new trains the same, and has not ended"]  # fmt: skip
    assert world.bought == [("open", 4.0)]
    with pytest.raises(ConfigError, match=f"{OTHER} trains the same"):
        world.queue(running=TRAINS, again="2")
