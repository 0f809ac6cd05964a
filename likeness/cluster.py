"""A stage's items on many machines: Ray's actors, each of which runs the stage's own program up to its batch and then makes the
items that it is asked for by key, with the models it holds.

A work is a closure over models, so that nothing of it travels: an actor finds its works in the repository's folder, which all
machines see under the same path, and a key that it does not find says that it sees other files. What was made lies in the item
store, and what is known of it is judged here once more. An actor that is lost costs its item in flight, which another one makes.
"""

import contextlib
import importlib
import os
import queue
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from likeness.errors import ConfigError, LikenessError, TransientError
from likeness.lazy import Index
from likeness.pipeline.batch import Outcome, Work, look_up, outcome_of, run_batch, run_one
from likeness.program import for_this_user_alone
from likeness.store.items import ItemStore

if TYPE_CHECKING:
    from likeness.run import Run
    from likeness.stage_program import Main

# So often an item is given to an actor that is then lost, before it is taken for the cause.
ATTEMPTS = 3
# How long one looks whether an actor answers: it may be starting again on another machine.
READY_WITHIN_S = 1.0
MAX_WORDS = 2000
# A cluster of our own, for one batch.
LOCAL = "local"
REMEDY = "`ray status` shows the cluster; -S items.engine=local goes on here, and loses nothing"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of an item on its machine, as far as the item store does not say it."""

    node: str
    outcome: Outcome | None = None
    error: LikenessError | None = None


class Worker:
    """A process of the cluster: the stage at work up to its batch. `again` makes the run anew, in `folder`."""

    def __init__(self, again: "Callable[..., Run]", main: "Main", folder: str) -> None:
        self._again, self._main, self._folder = again, main, folder
        self._node = socket.gethostname()
        self._ready, self._end = threading.Event(), threading.Event()
        self._run: Run | None = None
        self._works: Index[Work] | None = None
        self._error: BaseException | None = None
        self._begun: threading.Thread | None = None

    def ready(self) -> None:
        """Answer, once the process runs."""

    def make(self, key: str) -> Answer:
        """Make one item, or say why not; consent is asked anew on this machine."""
        if self._begun is None:
            self._begun = threading.Thread(target=self._begin, daemon=True)
            self._begun.start()
            self._ready.wait()
        if self._error is not None and not isinstance(self._error, LikenessError):
            raise self._error
        try:
            return Answer(node=self._node, outcome=self._made(key))
        except LikenessError as error:
            return Answer(node=self._node, error=error)

    def _made(self, key: str) -> Outcome:
        if self._error is not None:
            raise self._error
        run = self._run
        works, ended = self._works, "the stage's program ended without a batch"
        assert run is not None, ended
        assert works is not None, ended
        if (work := works.get(key)) is None:
            raise ConfigError(
                f"{self._node}: {self._folder} there gives other items than here",
                reason="other-files",
                remedy="all machines need this folder, the same files under the same path, and the same likeness",
            )
        run.require(*run.uses)
        outcome = run_one(work, run.items)
        if run.config.items.remote is not None:
            with contextlib.suppress(LikenessError):  # whoever asked finds that it is not there
                run.share()
        # Work and item stay behind: the one cannot travel, the other is read from the store.
        return replace(outcome, work=cast("Work", None), item=None)

    @for_this_user_alone()
    def _begin(self) -> None:
        try:
            os.chdir(self._folder)
            self._main(self._again(spread=self._serve))
        except FileNotFoundError as error:
            self._error = ConfigError(
                f"{self._node}: there is no {error.filename}",
                reason="other-files",
                remedy="all machines need this folder under the same path",
            )
        except BaseException as error:
            self._error = error
        self._ready.set()

    def _serve(self, run: "Run", works: Sequence[Work]) -> Sequence[Outcome]:
        """In place of the batch: what the program opened stays open while this waits, for the life of the process."""
        self._run, self._works = run, Index(works, attrgetter("key"))
        self._ready.set()
        self._end.wait()
        return []


class Cluster:
    """The actors of one batch; use as a context manager."""

    def __init__(self, main: "Main", run: "Run", items: int) -> None:
        self._ray = _ray()
        self._main, self._run, self._items = main, run, items
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.size = 0

    def __enter__(self) -> Self:
        ray, needs = self._ray, self._run.config.items.ray
        address = os.environ.get("RAY_ADDRESS") or LOCAL
        own = {"include_dashboard": False} if address == LOCAL else {}
        try:
            ray.init(address=address, logging_level="error", log_to_driver=False, **own)
        except Exception as error:  # a node that is late to start is a plain one
            raise ConfigError(
                f"Ray has no cluster for it: {error}", reason="no-cluster", remedy=REMEDY
            ) from error
        has = ray.cluster_resources()
        rooms = [
            has.get(name, 0) / count for name, count in (("CPU", needs.cpus), ("GPU", needs.gpus)) if count
        ]
        self.size = min(int(min(rooms)), self._items)
        if self.size < 1:
            self.__exit__()
            raise ConfigError(
                f"the cluster has no room for a worker of {needs.cpus:g} CPUs and {needs.gpus:g} GPUs",
                reason="no-cluster",
                remedy="lower items.ray, or add machines; " + REMEDY,
            )
        opened = ("stop", "spread")
        values = {
            one.name: getattr(self._run, one.name) for one in fields(self._run) if one.name not in opened
        }
        again = partial(type(self._run), **values)
        actor = ray.remote(Worker).options(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            max_restarts=-1,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        for _ in range(self.size):
            self._free.put(actor.remote(again, self._main, str(Path.cwd())))
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def run_one(self, work: Work, store: ItemStore, ended: Callable[[], bool]) -> Outcome | None:
        """The outcome of one unit of work, made on one of the machines where the store lacks it; None where the batch ended
        before a machine was free."""
        if (outcome := look_up(work, store)) is not None:
            return outcome
        lost = ""
        for _ in range(ATTEMPTS):
            self._run.require(*self._run.uses)
            if (actor := self._actor(ended)) is None:
                return None
            try:
                answer: Answer = self._ray.get(actor.make.remote(work.key))
            except self._ray.exceptions.RayError as error:
                # One that never came to life would not do so another time: something is not installed there.
                if isinstance(error, self._ray.exceptions.RayActorError) and not error.actor_init_failed:
                    lost = str(error).partition("\n")[0]
                    continue
                raise ConfigError(
                    f"{work.id}: a worker of the cluster cannot work: {str(error)[-MAX_WORDS:]}",
                    reason="no-worker",
                    remedy=REMEDY,
                ) from error
            finally:
                self._free.put(actor)
            return self._outcome(work, store, answer)
        problem = TransientError(
            f"{work.id}: {ATTEMPTS} workers were lost while they made it: {lost}",
            reason="worker-lost",
            remedy=f"run `dvc repro` again; where it happens again, the item needs more memory than there is. {REMEDY}",
        )
        return Outcome(work=work, item=None, failure=work.failure(problem), reused=False, unfinished=True)

    def _actor(self, ended: Callable[[], bool]) -> Any:
        """One that answers, and has no item; None once the batch has ended."""
        while not ended():
            with contextlib.suppress(queue.Empty):
                actor = self._free.get(timeout=READY_WITHIN_S)
                if self._ray.wait([actor.ready.remote()], timeout=READY_WITHIN_S)[0]:
                    return actor
                self._free.put(actor)
        return None

    def _outcome(self, work: Work, store: ItemStore, answer: Answer) -> Outcome:
        if answer.error is not None:
            raise answer.error
        told = answer.outcome
        assert told is not None
        if told.failure is not None:
            return replace(told, work=work)
        if (item := store.get(work.key, work.judge)) is None:
            raise ConfigError(
                f"{work.id}: {answer.node} made it, and it is not in {store.root} here",
                reason="other-files",
                remedy="share the repository's folder with all machines, or set items.remote (docs/s3.md)",
            )
        judged = outcome_of(work, item)
        return replace(judged, reused=told.reused) if judged is not None else replace(told, work=work)


def spread(main: "Main", run: "Run", works: Sequence[Work]) -> Sequence[Outcome]:
    """`run_batch` on the cluster that RAY_ADDRESS names, or on one of this machine; here where every item is known."""
    absent = sum(not run.items.has(work.key) for work in works)
    if not absent:
        return run_batch(run.stage, works, run.items, workers=run.config.items.workers, stop=run.stop)
    with Cluster(main, run, absent) as cluster:
        return run_batch(
            run.stage, works, run.items, workers=cluster.size, stop=run.stop, run_item=cluster.run_one
        )


def _ray() -> Any:
    # Ray reads these when it is imported. A cluster listens on all of a machine's addresses, and runs whatever it is sent: one of
    # our own takes it from this process alone.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if (os.environ.get("RAY_ADDRESS") or LOCAL) == LOCAL:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "items.engine is ray, which is not installed",
            reason="no-ray",
            remedy="pip install -e '.[ray]', or set items.engine: local in conf/items/",
        ) from error
