"""One time for all programs of a gallery: the database's. Machines that run its workers may be minutes apart, and what one writes
down the other reads."""

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

AGAIN_SECONDS = 60.0
"""After so long the database is asked again; between, this machine counts the seconds."""


class Clock(Protocol):
    """What a gallery asks for the time; `learn` may look it up as a transaction begins."""

    def __call__(self) -> datetime.datetime:
        """Now, in UTC."""
        ...

    def learn(self, db: Session) -> None:
        """A transaction has begun."""
        ...


def of_this_machine() -> datetime.datetime:
    """Now, in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass
class DatabaseClock:
    """Now, as the database has it; before it was asked, as this machine has it."""

    machine: Callable[[], datetime.datetime] = of_this_machine
    _told: tuple[datetime.datetime, float] | None = field(default=None, init=False)

    def __call__(self) -> datetime.datetime:
        """Now, in UTC."""
        if (told := self._told) is None:
            return self.machine()
        return told[0] + datetime.timedelta(seconds=time.monotonic() - told[1])

    def learn(self, db: Session) -> None:
        """Ask the database, where the last answer is old."""
        if self._told is None or time.monotonic() - self._told[1] >= AGAIN_SECONDS:
            before = time.monotonic()
            said = db.execute(select(func.clock_timestamp())).scalar_one()
            self._told = said.astimezone(datetime.UTC), (before + time.monotonic()) / 2
