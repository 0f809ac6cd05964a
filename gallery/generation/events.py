"""What the page is told: a line a change, numbered by user without gaps in time, so that a stream can go on after a reload."""

import datetime
import threading
import time
import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.tables import Event, Generation

POLL_SECONDS = 0.5
PULSE_REACHES = datetime.timedelta(seconds=60)


def tell(db: Session, gallery: Gallery, generation: Generation) -> None:
    """Say that a generation changed. A user's lines become visible in the order of their numbers: who writes one waits for
    whoever wrote before; without that a stream could pass a number that comes later."""
    db.execute(select(func.pg_advisory_xact_lock(_lock(generation.user_id))))
    db.add(Event(user_id=generation.user_id, generation_id=generation.id, created=gallery.clock()))
    db.flush()


def _lock(user_id: uuid.UUID) -> int:
    return int.from_bytes(user_id.bytes[:8], "big", signed=True)


def last_event(db: Session, user_id: uuid.UUID) -> int:
    """The number of the user's last line, 0 where there is none."""
    return db.scalar(select(func.max(Event.id)).where(Event.user_id == user_id)) or 0


def events_after(db: Session, user_id: uuid.UUID, number: int) -> list[tuple[int, uuid.UUID]]:
    """(number, generation) of what changed since, each generation once with its last number."""
    since = (
        select(func.max(Event.id), Event.generation_id)
        .where(Event.user_id == user_id, Event.id > number)
        .group_by(Event.generation_id)
        .order_by(func.max(Event.id))
    )
    return [(found[0], found[1]) for found in db.execute(since)]


class Pulse:
    """Who has news, asked for all streams of a program at once: a look serves everybody for `POLL_SECONDS`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery, self._lock = gallery, threading.Lock()
        self._looked, self._newest = float("-inf"), dict[uuid.UUID, int]()

    @property
    def is_stale(self) -> bool:
        """Whether it is time for a look."""
        return time.monotonic() - self._looked >= POLL_SECONDS

    def look(self) -> None:
        """Ask for the newest line of each user; who comes while somebody asks does not wait."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            since = self._gallery.clock() - PULSE_REACHES
            newest = select(Event.user_id, func.max(Event.id)).where(Event.created > since)
            with self._gallery.transaction() as db:
                self._newest = {found[0]: found[1] for found in db.execute(newest.group_by(Event.user_id))}
            self._looked = time.monotonic()
        finally:
            self._lock.release()

    def newest(self, user_id: uuid.UUID) -> int:
        """The number of a user's newest line, as far as the last look saw; 0 where there is none of late."""
        return self._newest.get(user_id, 0)
