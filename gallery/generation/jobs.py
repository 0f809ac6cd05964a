# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# procrastinate types its decorators by the functions they take.
"""The worker's loop: jobs out of the queue, retries, and what was left lying."""

import asyncio
import datetime
import logging
import uuid
from collections.abc import Callable

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from sqlalchemy import select, text

from gallery.context import Gallery
from gallery.generation.ending import fail
from gallery.generation.work import Worker
from gallery.pictures.sweeping import sweep
from gallery.queue import DRAW, QUEUE, enqueue
from gallery.tables import Event, Generation
from gallery.takedown.reports import tick

TRIES = 4
RETRY = RetryStrategy(max_attempts=TRIES, wait=1, exponential_wait=3)
DEAD_AFTER_SECONDS = 30
"""A worker says every 10 s that it lives."""
REPAIR_SECONDS = 15.0
SWEEP_SECONDS = 3600.0
EVENTS_DAYS = 2
STUCK = text(
    "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing' AND (worker_id IS NULL OR"
    " worker_id IN (SELECT id FROM procrastinate_workers WHERE last_heartbeat < :dead)) RETURNING id"
)
log = logging.getLogger("gallery")


def make_queue(worker: Worker, url: str, *, retry: RetryStrategy = RETRY) -> App:
    """The queue with what its jobs do."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))

    @app.task(name=DRAW, queue=QUEUE, retry=retry, pass_context=True)
    def draw(context: JobContext, generation_id: str) -> None:
        try:
            worker.run(uuid.UUID(generation_id))
        except Exception:
            if context.job.attempts + 1 >= TRIES:
                log.exception("generation %s was tried %d times", generation_id, TRIES)
                fail(worker.gallery, uuid.UUID(generation_id), "It did not work, however often it was tried.")
            raise

    del draw  # procrastinate knows it by its name
    return app


def repair(gallery: Gallery) -> int:
    """Bring what was left lying under way again: the jobs of a dead worker, generations without a job, files of pictures that
    are gone, reports that are overdue, old events. Gives how many generations moved on."""
    dead = gallery.clock() - datetime.timedelta(seconds=DEAD_AFTER_SECONDS)
    with gallery.transaction() as db:
        stuck = db.execute(STUCK, {"dead": dead})
        moved = len(stuck.all())
        jobs = "job_id NOT IN (SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
        lost = select(Generation).where(Generation.status.in_(("queued", "drawing")), text(jobs))
        for one in db.scalars(lost.with_for_update(skip_locked=True)):
            one.job_id = enqueue(db, one.id)
            moved += 1
        old = gallery.clock() - datetime.timedelta(days=EVENTS_DAYS)
        db.query(Event).where(Event.created < old).delete()
    tick(gallery)
    return moved


async def run_worker(worker: Worker, url: str) -> None:
    """Work until the program is told to end."""
    app = make_queue(worker, url)

    async def now_and_then(what: Callable[[Gallery], object], seconds: float) -> None:
        while True:
            try:
                await asyncio.to_thread(what, worker.gallery)
            except Exception:
                log.exception("%s", what.__name__)
            await asyncio.sleep(seconds)

    async with app.open_async():
        beside = [asyncio.create_task(now_and_then(repair, REPAIR_SECONDS)),
                  asyncio.create_task(now_and_then(sweep_and_tell, SWEEP_SECONDS))]  # fmt: skip
        try:
            await app.run_worker_async(queues=[QUEUE], concurrency=1)
        finally:
            for one in beside:
                one.cancel()


def sweep_and_tell(gallery: Gallery) -> None:
    """Sweep, and say what only an operator should decide."""
    found = sweep(gallery)
    if found.lost or found.unknown:
        log.error("%d pictures have no file, %d files no wish: `likeness-gallery sweep` names them", len(found.lost),
                  len(found.unknown))  # fmt: skip
