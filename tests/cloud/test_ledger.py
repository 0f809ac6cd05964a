"""What the ledger says of a job whose machines were killed, against what a provider bills for them: a provider, an engine, a network
and clocks of the test's own, in seconds that nobody waits for."""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from conf_sections import composition

from likeness.cli.cloud_jobs import Cloud, settle
from likeness.cloud.dead_man import DeadMan, Limits
from likeness.cloud.engine import EngineJob
from likeness.cloud.job import SIGN_EVERY_S, Job, begun
from likeness.cloud.machine import seconds_up
from likeness.cloud.parcel import Parcel
from likeness.cloud.records import JobRecords
from likeness.config import load_config
from likeness.errors import LikenessError, TransientError
from likeness.paths import RepositoryPaths
from likeness.purchases.budget import Spending
from likeness.purchases.history import purchases
from likeness.store.s3 import Remote

KINDS = ("controller", "worker", "network", "machine")
USD, STEP_S, EVERY = 0.6, 2.0, 50
BOOT_S, INSTALL_S, NOTICED_S, AWAY_S = 60.0, 180.0, 30.0, 20.0
"""Before setup begins; setup, which the engine counts; until the engine sees that a machine has ended; until it is taken away."""
LIMITS = Limits(max_s=8 * 3600, silence_s=1200, lease_s=900, probe_steps=100)


class Network(Remote):
    """A store that does not answer while `down`."""

    down = False

    def write(self, name: str, data: bytes) -> None:
        if self.down:
            raise TransientError("no route to the store")
        super().write(name, data)

    def read(self, name: str) -> bytes | None:
        if self.down:
            raise TransientError("no route to the store")
        return super().read(name)


@dataclass
class World:
    """The machines of one job: what is trained, what is in the store, what the provider bills and what the engine counts."""

    store: Network
    job: str
    steps: int
    now: float = 0.0
    billed_s: float = 0.0
    engine_s: float = 0.0
    step: int = 0
    shared: int = 0
    lost: list[int] = field(default_factory=list)

    def live(self, fails: Callable[[float], str | None]) -> str:
        """One machine; `fails` says after how many seconds of work what happens. Returns why it ended."""
        records, before_s = JobRecords(self.store, self.job), BOOT_S + INSTALL_S
        booted = self.now
        self.now += before_s
        life = begun("runpod RTX4090", USD, setup=booted + BOOT_S, now=self.now, up_s=before_s)
        timer = DeadMan(LIMITS, spent_s=records.begin(life), before_s=life.seconds, clock=lambda: self.now)
        parcel = Parcel(job=self.job, persona="jade", experiment=self.job, pull=[], store="", max_s=0, silence_s=0, lease_s=0,
                        probe_steps=0, machines=[])  # fmt: skip
        job = Job(parcel=parcel, records=records, timer=timer, clock=lambda: self.now)
        if self.step:
            self.lost.append(self.step - self.shared)
        self.step, work = self.shared, self.now
        end = ""
        while not end:
            self.now += STEP_S
            self.step += 1
            timer.line(f"train: {self.step}/{self.steps}, 0.5/s, about 1 s left")
            if self.step % EVERY == 0 and not self.store.down:
                self.shared = self.step
            if self.step >= self.steps:
                end = "done"
            elif (what := fails(self.now - work)) in ("machine", "worker"):
                end = what
            else:
                self.store.down = what == "network"
                try:
                    job._watch()
                except LikenessError as error:
                    end = error.reason
        if end != "machine":
            self.store.down = self.store.down and end == "store-gone"
            try:
                records.sign(seconds=timer.seconds, step=self.step, end="failed" if end == "worker" else end)
            except TransientError:
                assert end == "store-gone"
        self._take_away(booted)
        self.store.down = False
        return end

    def lose_in_setup(self, after_s: float) -> None:
        """One machine that is lost so long after its setup began, before it wrote anything."""
        booted = self.now
        self.now += BOOT_S + after_s
        self._take_away(booted)

    def _take_away(self, booted: float) -> None:
        self.now += NOTICED_S + AWAY_S
        self.billed_s += self.now - booted
        self.engine_s += self.now - booted - BOOT_S - AWAY_S


class Engine:
    """What SkyPilot says of the job: the time that its programs ran; where it watches over jobs itself, also how long it held
    machines."""

    def __init__(self, world: World, *, watches: bool = False) -> None:
        self.world, self.watches = world, watches

    def jobs(self) -> list[EngineJob]:
        held_s = self.world.billed_s if self.watches else 0.0
        return [EngineJob(number=1, name=self.world.job, status="FAILED", ended=True, seconds=self.world.engine_s, recoveries=0,
                          machine="", reason="", held_s=held_s)]  # fmt: skip


def booked(world: World, engine: Any) -> float:
    """What the ledger has for the job, once it was settled."""
    cfg, repository = load_config(Path("params.yaml")), RepositoryPaths.here()
    spending = Spending(repository.spending, prices={}, budget=cfg.budget, stage="launch", persona="jade")
    spending.reserve("runpod machine hours", world.job, world.job, USD * 8)
    JobRecords(world.store, world.job).announce({"machines": [{"usd_per_hour": USD}], "usd_max": USD * 8})
    cloud = Cloud(cfg=cfg, repository=repository, store=world.store, engine=engine)
    settle(cloud, cloud.jobs())
    (bought,) = [one for one in purchases(repository.spending) if one.key == world.job]
    assert bought.end == "paid"
    return bought.usd


@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_moment_costs_an_interval_and_the_ledger_says_what_was_billed(in_tmp, kind):
    Path("params.yaml").write_bytes(composition("budget.max_usd=null"))
    chance = random.Random(f"16 {kind}")
    for number in range(5):
        store = Network((in_tmp / "store").as_uri())
        world = World(store=store, job=f"likeness-jade-{kind}-{number}", steps=3600)
        at, records = chance.uniform(200, 5400), JobRecords(store, f"likeness-jade-{kind}-{number}")
        # A launch that waits renews a lease that is short; what it gave once lasts.
        records.renew(900 if kind == "controller" else 8 * 3600)

        def fails(after: float, at: float = at, records: JobRecords = records) -> str | None:
            if kind == "controller":
                if after < at and after % 60 < STEP_S:
                    records.renew(900)
                return None
            return kind if after >= at else None

        end = world.live(fails)
        if kind == "machine":
            assert JobRecords(store, world.job).lives()[-1].end == ""
            assert world.live(lambda after: None) == "done"
            assert max(world.lost) < EVERY
        else:
            assert end == {"controller": "controller-gone", "worker": "worker", "network": "store-gone"}[kind]
        billed = world.billed_s / 3600 * USD
        assert booked(world, Engine(world)) == pytest.approx(billed, rel=0.05), (kind, at, world)


def launched(folder: Path, steps: int, in_setup: Sequence[float]) -> World:
    """A job with a long lease, of which machines were lost so many seconds after their boots, in setup."""
    Path("params.yaml").write_bytes(composition("budget.max_usd=null"))
    world = World(store=Network((folder / "store").as_uri()), job="likeness-jade-1", steps=steps)
    JobRecords(world.store, world.job).renew(8 * 3600)
    for after_s in in_setup:
        world.lose_in_setup(after_s)
    return world


@pytest.mark.parametrize("steps", [10, 60])
@pytest.mark.parametrize("in_setup", [[], [5.0, 170.0]])
def test_where_the_engine_says_how_long_it_held_machines_the_shortest_job_is_booked_as_it_was_billed(
    in_tmp, steps, in_setup
):
    world = launched(in_tmp, steps, in_setup)
    assert world.live(lambda after: None) == "done"
    assert booked(world, Engine(world, watches=True)) == pytest.approx(world.billed_s / 3600 * USD)


@pytest.mark.parametrize("steps", [60, 600, 6000])
@pytest.mark.parametrize("in_setup", [[], [90.0], [5.0, 170.0]])
def test_nothing_of_a_short_job_is_uncounted_but_boots_that_nobody_recorded_and_what_passes_until_a_machine_is_taken_away(
    in_tmp, steps, in_setup
):
    """Boots, installations, nodes lost in setup and in training, and the machine that ends the job."""
    world = launched(in_tmp, steps, in_setup)
    assert world.live(lambda after: "machine" if after >= steps * STEP_S / 2 else None) == "machine"
    assert world.live(lambda after: None) == "done"
    uncounted_s = len(in_setup) * (BOOT_S + AWAY_S) + 2 * AWAY_S
    assert booked(world, Engine(world)) == pytest.approx((world.billed_s - uncounted_s) / 3600 * USD)
    if steps == 6000:
        assert uncounted_s < 0.05 * world.billed_s


def test_a_network_that_comes_back_in_time_ends_nothing(in_tmp):
    world = World(store=Network((in_tmp / "store").as_uri()), job="likeness-jade-1", steps=2400)
    JobRecords(world.store, world.job).renew(8 * 3600)
    assert world.live(lambda after: "network" if 600 <= after < 600 + 840 else None) == "done"
    (life,) = JobRecords(world.store, world.job).lives()
    assert (life.end, world.lost) == ("done", [])
    assert life.seconds == pytest.approx(BOOT_S + INSTALL_S + 2400 * STEP_S, abs=SIGN_EVERY_S)


def test_a_machine_that_a_dead_controller_left_is_booked_when_its_lease_has_ended(in_tmp):
    Path("params.yaml").write_bytes(composition("budget.max_usd=null"))
    store = Network((in_tmp / "store").as_uri())
    world = World(store=store, job="likeness-jade-1", steps=3600)
    records = JobRecords(store, world.job)
    records.renew(8 * 3600)
    world.live(lambda after: "machine" if after >= 1800 else None)

    class LeftBehind(Engine):
        def jobs(self) -> list[EngineJob]:
            return [replace(one, status="FAILED_CONTROLLER", left=True) for one in super().jobs()]

    engine: Any = LeftBehind(world)
    cloud = Cloud(
        cfg=load_config(Path("params.yaml")), repository=RepositoryPaths.here(), store=store, engine=engine
    )
    assert [(one.status, one.ended) for one in cloud.jobs().jobs] == [("FAILED_CONTROLLER", False)]
    records.renew(0)
    assert booked(world, engine) == pytest.approx(world.billed_s / 3600 * USD, rel=0.05)


def test_a_rented_machine_is_paid_for_since_its_first_program_began(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "uptime").write_text("5000.5 9000.0\n")
    ticks = 4900 * os.sysconf("SC_CLK_TCK")
    (tmp_path / "1" / "stat").write_text(f"1 (a name) of) S {' '.join('0' * 18)} {ticks} 0 0\n")
    assert seconds_up(tmp_path) == pytest.approx(100.5)
    assert seconds_up(tmp_path / "hidden from this user") == 0.0
    assert 0 <= seconds_up() <= float(Path("/proc/uptime").read_text().split()[0])


@pytest.mark.parametrize(("usd", "seconds", "booted"), [(0.6, 300, 60), (0.0, 240, 0), (None, 240, 0)])
def test_the_time_before_setup_counts_where_it_is_paid_for(usd, seconds, booted):
    life = begun("runpod RTX4090", usd, setup=1_000_060.0, now=1_000_300.0, up_s=300.0)
    assert (life.seconds, life.booted_s) == (seconds, booted)
    assert life.began == ("1970-01-12T13:46:40+00:00" if usd else "1970-01-12T13:47:40+00:00")
