"""What machines of one job write into the team's store beside each other."""

import sys

import pytest

from likeness.cloud.dead_man import DeadMan, Limits
from likeness.cloud.job import EndedError, Job
from likeness.cloud.parcel import Parcel
from likeness.cloud.records import JobRecords, Life
from likeness.store.s3 import Remote

LIFE = Life(machine="runpod RTX4090", began="x", seconds=0.0, usd_per_hour=0.6)


@pytest.fixture
def two(tmp_path) -> tuple[JobRecords, JobRecords]:
    """A machine that the engine took for lost, and the one that it rented instead."""
    lost, its_heir = (JobRecords(Remote((tmp_path / "store").as_uri()), "likeness-jade-1") for _ in range(2))
    lost.begin(LIFE)
    assert lost.sign(seconds=60.0, step=10) is False
    assert its_heir.begin(LIFE) == 60.0
    return lost, its_heir


def test_each_writes_its_own_line_and_the_first_hears_of_the_second(two):
    lost, its_heir = two
    assert lost.sign(seconds=90.0, step=20, end="replaced") is True
    assert its_heir.sign(seconds=30.0, step=15, end="done") is False
    assert [(one.seconds, one.step, one.end) for one in lost.lives()] == [
        (90, 20, "replaced"),
        (30, 15, "done"),
    ]
    assert lost.end == "done"


def test_a_machine_that_was_replaced_ends_itself(two):
    lost, _ = two
    timer = DeadMan(
        Limits(max_s=600, silence_s=600, lease_s=600, probe_steps=10), spent_s=0, clock=lambda: 0.0
    )
    parcel = Parcel(job=lost.job, persona="jade", experiment=lost.job, pull=[], store="", max_s=0, silence_s=0, lease_s=0,
                    probe_steps=0, machines=[])  # fmt: skip
    job = Job(parcel=parcel, records=lost, timer=timer, tick_s=0.01, grace_s=0.2)
    with pytest.raises(EndedError) as caught:
        job.run(sys.executable, "-c", "import time; time.sleep(600)")
    assert caught.value.reason == "replaced"
