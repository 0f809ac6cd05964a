"""When a machine ends itself; hours pass in microseconds."""

import re
from pathlib import Path
from typing import get_args

import pytest

from likeness.cloud.dead_man import ENDING_S, DeadMan, Limits, Reason, working_s
from likeness.cloud.job import GRACE_S, SIGN_EVERY_S
from likeness.cloud.records import DONE, TAKEN_AWAY, Lease
from likeness.progress import Progress

HOUR = 3600.0
LIMITS = Limits(max_s=6 * HOUR, silence_s=1200, lease_s=900, probe_steps=100)


class Watched:
    """A machine whose minutes a test lets pass; the store answers and the stages print unless it says otherwise."""

    def __init__(self, **words: float) -> None:
        self.now = 1000.0
        self.timer = DeadMan(LIMITS, **{"spent_s": 0.0, **words}, clock=lambda: self.now)

    def passes(
        self,
        seconds: float,
        *,
        line: str | None = "train: a step",
        lease: Lease | None = None,
        store: bool = True,
    ):
        """Time, in steps of a minute or less."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 60)
            if store:
                self.timer.heard(lease)
            if line is not None:
                self.timer.line(line)
        end = self.timer.verdict()
        return end.reason if end else None


def test_a_machine_at_work_goes_on_to_the_cap_and_no_further():
    watched = Watched()
    assert watched.passes(6 * HOUR - 1) is None
    assert watched.passes(2) == "cap"


@pytest.mark.parametrize(("paid_s", "works_s"), [(2 * HOUR, 2 * HOUR - 240), (600, 540), (60, 54)])
def test_the_end_of_a_machine_is_paid_for_by_the_cap(paid_s, works_s):
    assert working_s(paid_s) == works_s
    # A sign that is due, the last checkpoint, and as long again for SkyPilot to see it and take the machine away.
    assert ENDING_S >= SIGN_EVERY_S + GRACE_S + 30 + 80


def test_what_lost_machines_took_and_the_installation_count():
    watched = Watched(spent_s=4 * HOUR, before_s=HOUR)
    assert watched.passes(HOUR - 1) is None
    assert watched.passes(2) == "cap"
    assert watched.timer.seconds == pytest.approx(2 * HOUR + 1)


def test_silence_ends_it():
    watched = Watched()
    assert watched.passes(1199, line=None) is None
    assert watched.passes(2, line=None) == "silence"


def test_a_line_just_before_is_a_sign_of_life():
    watched = Watched()
    watched.passes(1199, line=None)
    assert watched.passes(1, line="evaluate: drawing") is None
    assert watched.passes(1190, line=None) is None


def test_a_lease_that_nobody_renews_ends_it():
    watched = Watched()
    assert watched.passes(899, lease=Lease(serial=1, seconds=900)) is None
    assert watched.passes(899, lease=Lease(serial=2, seconds=900)) is None
    assert watched.passes(1000, lease=Lease(serial=2, seconds=900)) == "controller-gone"


def test_a_launch_that_does_not_wait_gives_a_lease_to_the_cap():
    assert Watched().passes(5 * HOUR, lease=Lease(serial=1, seconds=6 * HOUR)) is None


def test_an_ended_lease_ends_it_at_once():
    assert Watched().passes(1, lease=Lease(serial=3, seconds=0)) == "stopped"


def test_a_store_that_is_gone_ends_it_and_a_short_absence_does_not():
    watched = Watched()
    assert watched.passes(890, store=False) is None
    assert watched.passes(60) is None
    assert watched.passes(901, store=False) == "store-gone"


@pytest.mark.parametrize(("seconds_a_step", "reason"), [(10.0, None), (15.0, "too-slow")])
def test_the_first_hundred_steps_say_whether_the_rest_fits(seconds_a_step, reason):
    watched = Watched(before_s=600)
    watched.timer.line("train: 0/2000, 1.0/s, about 9 s left")
    for step in range(10, 101, 10):
        watched.now += 10 * seconds_a_step
        watched.timer.heard(None)
        watched.timer.line(f"train: {step}/2000, 99.0/s, about 1 s left")
    end = watched.timer.verdict()
    assert (end.reason if end else None) == reason
    assert watched.timer.step == 100


def test_a_resumed_training_is_measured_on_its_own_steps():
    watched = Watched()
    watched.timer.line("train: 1900/2000, 400.0/s, about 1 s left")  # the rate counts what was resumed
    watched.now += 1000
    watched.timer.line("train: 1950/2000, 90.0/s, about 1 s left")
    watched.timer.line("train: 2000/2000, 90.0/s, about 0 s left")
    watched.timer.heard(None)
    assert watched.timer.verdict() is None


def test_the_last_step_is_known_however_short_the_training_was(capsys):
    watched = Watched()
    with Progress("train", total=120) as progress:
        progress.advance("step 120", "trained", steps=120)
    with Progress("prior", total=40) as progress:
        progress.advance("a picture", "made", steps=40)
    for line in capsys.readouterr().err.splitlines():
        watched.timer.line(line)
    assert watched.timer.step == 120


def test_each_reason_of_an_end_has_a_line_in_the_manual():
    manual = (Path(__file__).parents[2] / "docs" / "cloud.md").read_text()
    told = {
        word for line in re.findall(r"^\| (`.*?`) \|", manual, re.M) for word in re.findall("`(.*?)`", line)
    }
    assert {*get_args(Reason), DONE, TAKEN_AWAY, "failed"} <= told
