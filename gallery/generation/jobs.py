# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# procrastinate types its decorators by the functions they take.
"""The worker's loop: jobs out of the queue, retries, and what was left lying."""

import asyncio
import datetime
import logging
import signal
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import select, text

from gallery.accounts.sessions import forget
from gallery.clock import Clock
from gallery.context import Gallery
from gallery.database import connecting
from gallery.generation.cut_off import is_free
from gallery.generation.ending import end, fail
from gallery.generation.work import BUSY, Worker
from gallery.money.refunds import finish_all
from gallery.pictures.sweeping import sweep
from gallery.portrayed.decisions import heed
from gallery.queue import DRAW, QUEUE, enqueue
from gallery.tables import Event, Generation
from gallery.takedown.reports import tick
from likeness.errors import TransientError

WAITS_SECONDS = (3, 6, 10, 10, 10)
"""Before each try but the first: a server that starts anew is waited for, and nobody waits much longer than it takes."""
TRIES = len(WAITS_SECONDS) + 1
MOST_DEATHS = 5
"""So often a worker may die at a job: one more, and the job may be what kills them. It comes first in the queue and would keep all
others waiting."""
LOOK_SECONDS = 1.0
"""A worker with nothing to do looks so often for jobs whose time has come."""
TAKEN_SECONDS = 5.0
"""A worker that took a job is at its generation well before."""
REPAIR_SECONDS = 3.0
HEED_SECONDS = 30.0
REFUND_SECONDS = 60.0
SWEEP_SECONDS = 3600.0
AGAIN_SECONDS = 1.0
EVENTS_DAYS = 2
TAKEN = text(
    "SELECT id, (args->>'generation_id')::uuid, (SELECT count(*) FROM procrastinate_events e WHERE e.job_id = j.id"
    " AND e.type = 'started') - attempts FROM procrastinate_jobs j WHERE status = 'doing' AND queue_name = :queue"
    " AND NOT EXISTS (SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started'"
    " AND e.at > now() - :seconds * interval '1 second') FOR UPDATE SKIP LOCKED"
)
AGAIN = text("UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE id = :id")
log = logging.getLogger("gallery")


@dataclass(frozen=True, kw_only=True)
class Retry(BaseRetryStrategy):
    """When a job that failed is tried again, by the clock that all workers share: the queue's own is this machine's."""

    clock: Clock

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """None after the last try."""
        if job.attempts >= len(WAITS_SECONDS):
            return None
        return RetryDecision(retry_at=self.clock() + datetime.timedelta(seconds=WAITS_SECONDS[job.attempts]))


def make_queue(worker: Worker, url: str) -> App:
    """The queue with what its jobs do."""
    app = App(connector=PsycopgConnector(conninfo=url, kwargs=connecting(), min_size=1, max_size=4))

    @app.task(name=DRAW, queue=QUEUE, retry=Retry(clock=worker.gallery.clock), pass_context=True)
    def draw(context: JobContext, generation_id: str) -> None:
        try:
            worker.run(uuid.UUID(generation_id))
        except Exception as error:
            busy = isinstance(error, TransientError) and error.reason == BUSY  # whoever is at it ends it
            if context.job.attempts + 1 >= TRIES and not busy:
                log.exception("generation %s was tried %d times", generation_id, TRIES)
                fail(worker.gallery, uuid.UUID(generation_id), "It did not work, however often it was tried.")
            raise

    del draw  # procrastinate knows it by its name
    return app


def repair(gallery: Gallery) -> int:
    """Bring what was left lying under way again: jobs that were taken and nobody is at, generations without a job, files of
    pictures that are gone, reports that are overdue, old events. Gives how many generations moved on."""
    with gallery.transaction() as db:
        moved = 0
        for job, generation_id, deaths in db.execute(TAKEN, {"queue": QUEUE, "seconds": TAKEN_SECONDS}).all():
            if is_free(db, job, generation_id):
                if deaths > MOST_DEATHS and (one := db.get(Generation, generation_id, with_for_update=True)):
                    log.error("generation %s: %d workers died at it", generation_id, deaths)
                    end(db, gallery, one, "failed", "It did not work: whoever drew it broke down each time.")
                db.execute(AGAIN, {"id": job})
                moved += 1
        jobs = "job_id NOT IN (SELECT id FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
        lost = select(Generation).where(Generation.status.in_(("queued", "drawing")), text(jobs))
        for one in db.scalars(lost.with_for_update(skip_locked=True)):
            one.job_id = enqueue(db, one.id)
            moved += 1
        old = gallery.clock() - datetime.timedelta(days=EVENTS_DAYS)
        db.query(Event).where(Event.created < old).delete()
    tick(gallery)
    return moved


async def run_worker(worker: Worker, url: str, *, ready: Callable[[], object] | None = None) -> None:
    """Work until the program is told to end; the picture in hand is finished. A database that goes away is waited for. `ready`
    opens, before the first job, what would keep whoever asks first waiting."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)

    async def now_and_then(what: Callable[[Gallery], object], seconds: float) -> None:
        while True:
            try:
                await asyncio.to_thread(what, worker.gallery)
            except Exception:
                log.exception("%s", what.__name__)
            await asyncio.sleep(seconds)

    beside = [
        asyncio.create_task(now_and_then(repair, REPAIR_SECONDS)),
        asyncio.create_task(now_and_then(heed, HEED_SECONDS)),
        asyncio.create_task(now_and_then(finish_all, REFUND_SECONDS)),
        asyncio.create_task(now_and_then(sweep_and_tell, SWEEP_SECONDS)),
        asyncio.create_task(now_and_then(forget, SWEEP_SECONDS)),
    ]
    if ready is not None:
        await _get_ready(ready, told)
    while not told.is_set():
        try:
            await _work(make_queue(worker, url), told)
        except Exception:
            log.exception("the queue is gone; it is asked again")
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), AGAIN_SECONDS)
    for one in beside:
        one.cancel()


async def _get_ready(ready: Callable[[], object], told: asyncio.Event) -> None:
    """Wait until `ready` is done, or until told to end: a program that ends waits for no such thread. What it cannot open fails
    again in the job that needs it, which says so to whoever asked."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def run() -> None:
        try:
            ready()
        except Exception:
            log.exception("the worker could not get ready")
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(over.set)

    threading.Thread(target=run, daemon=True).start()
    waiting = [asyncio.create_task(one.wait()) for one in (over, told)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()


async def _work(app: App, told: asyncio.Event) -> None:
    """Work until told to end, or until the queue does not go on: a worker whose connection broke ends as if it were told."""
    async with app.open_async():
        working = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                concurrency=1,
                install_signal_handlers=False,
                fetch_job_polling_interval=LOOK_SECONDS,
            )
        )
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        working.cancel()  # it ends the job in hand first
        with suppress(asyncio.CancelledError):
            await working


def sweep_and_tell(gallery: Gallery) -> None:
    """Sweep, and say what only an operator should decide."""
    found = sweep(gallery)
    if found.lost or found.unknown:
        log.error(
            "%d pictures have no file, %d files no wish: `likeness-gallery sweep` names them",
            len(found.lost),
            len(found.unknown),
        )
