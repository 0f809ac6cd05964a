"""Workers that the network cut off: nobody told the database that they are gone, and their locks stay.

A worker says every 10 seconds that it lives. Of one that does not, the database ends the connections itself: only so its locks
go, and whatever it still sends comes to nothing.
"""

import uuid

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gallery.generation.work import lock_key

DEAD_AFTER_SECONDS = 30
END_MS = 2000
"""So long the end of a connection is waited for; the next look comes soon."""
LIVES = text(
    "SELECT EXISTS (SELECT 1 FROM procrastinate_jobs j JOIN procrastinate_workers w ON w.id = j.worker_id WHERE j.id = :job"
    " AND w.last_heartbeat > now() - :seconds * interval '1 second')"
)
END = text(
    "SELECT pg_terminate_backend(a.pid, :wait) FROM pg_stat_activity a WHERE a.datname = current_database()"
    " AND a.application_name IN (SELECT h.application_name FROM pg_locks l JOIN pg_stat_activity h ON h.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND h.datname = current_database()"
    " AND l.classid = CAST(:high AS oid) AND l.objid = CAST(:low AS oid))"
)


def is_free(db: Session, job: int, generation_id: uuid.UUID) -> bool:
    """Whether nobody is at a generation whose job was taken. Whoever draws holds its lock, and loses it with the connection; one
    that holds it and is silent loses all its connections here."""
    key = lock_key(generation_id)
    free = select(func.pg_try_advisory_xact_lock(key))
    if db.scalar(free):
        return True
    if db.scalar(LIVES, {"job": job, "seconds": DEAD_AFTER_SECONDS}):
        return False
    db.execute(END, {"wait": END_MS, "high": (key >> 32) & 0xFFFFFFFF, "low": key & 0xFFFFFFFF})
    return bool(db.scalar(free))
