"""Ends a machine by a timer that needs nobody outside. The clock is a parameter.

It ends at the cap, when nothing is made, when nobody is there who wants it, and when the rest will not fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from likeness.cloud.records import Lease
from likeness.formatting import format_seconds
from likeness.progress import COUNT_LINE

Reason = Literal["cap", "silence", "controller-gone", "store-gone", "replaced", "too-slow", "stopped"]
NO_CONTROLLER: tuple[Reason, ...] = ("controller-gone", "store-gone", "replaced")
"""Nobody may be left who would take the machine away."""


# From the end of work until nothing bills: a checkpoint is sent (75 s at most), SkyPilot looks (15 to 30 s), the machine is taken
# away (80 s were seen on a busy machine).
ENDING_S = 240.0


def working_s(paid_s: float) -> float:
    """How long of what is paid for a job may work, so that its end is paid for, too."""
    return paid_s - min(ENDING_S, paid_s / 10)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds of all machines together, without a line or step, without lease or store; steps after which the pace counts."""

    max_s: float
    silence_s: float
    lease_s: float
    probe_steps: int


@dataclass(frozen=True, kw_only=True)
class End:
    """Why the machine is to end."""

    reason: Reason
    detail: str


class DeadMan:
    """Watches one machine; `spent_s` is what those before it took, `before_s` what it took to install this one, `clock`
    gives seconds that only go on."""

    def __init__(
        self, limits: Limits, *, spent_s: float, before_s: float = 0.0, clock: Callable[[], float]
    ) -> None:
        self._limits, self._spent_s, self._before_s, self._clock = limits, spent_s, before_s, clock
        self._began = self._line = self._store = self._leased = clock()
        self._lease: Lease | None = None
        self._first: tuple[int, float] | None = None
        self._too_slow: End | None = None
        self._probed = self._replaced = False
        self.step = 0

    @property
    def seconds(self) -> float:
        """How long this machine has been paid for."""
        return self._before_s + self._clock() - self._began

    def line(self, text: str) -> None:
        """The stages printed something."""
        self._line = self._clock()
        if (found := COUNT_LINE.search(text)) and found[1] == "train":
            self._count(int(found[2]), int(found[3]))

    def heard(self, lease: Lease | None, *, replaced: bool = False) -> None:
        """The store answered, with the lease that lies there, and whether another machine of this job began after this one."""
        self._store, self._replaced = self._clock(), replaced
        if lease is not None and (self._lease is None or lease.serial != self._lease.serial):
            self._lease, self._leased = lease, self._store

    def verdict(self) -> End | None:
        """Why the machine is to end now; None while it may go on."""
        limits, now = self._limits, self._clock()
        if self._spent_s + self.seconds >= limits.max_s:
            return End(
                reason="cap", detail=f"{format_seconds(limits.max_s)} are used up, and no more is paid for"
            )
        if self._lease is not None and self._lease.seconds <= 0:
            return End(reason="stopped", detail="`likeness cloud stop` ended it")
        if self._replaced:
            return End(
                reason="replaced", detail="this machine was taken for lost, and another has begun the job"
            )
        if self._lease is not None and now - self._leased >= self._lease.seconds:
            return End(
                reason="controller-gone",
                detail=f"nobody renewed the lease for {format_seconds(now - self._leased)}",
            )
        if now - self._store >= limits.lease_s:
            return End(
                reason="store-gone",
                detail=f"the team's store did not answer for {format_seconds(now - self._store)}",
            )
        if now - self._line >= limits.silence_s:
            return End(reason="silence", detail=f"no step and no line for {format_seconds(now - self._line)}")
        return self._too_slow

    def _count(self, done: int, total: int) -> None:
        now = self._clock()
        self.step = done
        if self._first is None:
            self._first = (done, now)
            return
        steps, took = done - self._first[0], now - self._first[1]
        if self._probed or steps < self._limits.probe_steps:
            return
        self._probed = True
        needed = self._spent_s + self.seconds + (total - done) * took / steps
        if needed > self._limits.max_s:
            self._too_slow = End(
                reason="too-slow",
                detail=f"at {took / steps:.3g} s a step, measured over {steps}, the whole takes {format_seconds(needed)}, "
                f"and {format_seconds(self._limits.max_s)} are paid for",
            )
