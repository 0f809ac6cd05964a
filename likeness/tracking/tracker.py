"""MLflow runs: this package alone imports mlflow, and only when a run starts (the import takes 1.4-2.3 s).

Tracking never stops the work, nor does the work wait for it: one thread talks to the server. What the server does not
take now is kept and sent later, in order; what it refuses is left out. A cause is told when it is met first, and the
end tells what is missing. Metrics are sent in batches (one call a value is ten times slower over HTTP), so that a
person can watch a run from elsewhere.
"""

import os
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from likeness.git import git
from likeness.settings import flatten
from likeness.tracking.cause import address_problem, cause_of, tracking_uri
from likeness.tracking.client import experiment_id, log_metrics, make_database, quiet

# Metrics wait this long for others to be sent with; a local database takes about 50 ms a batch.
SEND_EVERY_S = 10.0
# At the end of a run a server that does not answer is asked this often, with a pause between; one that takes a request and
# says nothing, not again after this time: the run that waits for it holds a machine.
LAST_TRIES, LAST_PAUSE_S, LAST_WAIT_S = 3, 4.0, 8.0
MARK = "likeness.mark"
"""The tag by which a run knows itself, before it has the server's number."""

Row = tuple[int, int, Mapping[str, float]]
"""Milliseconds since 1970, step, values by name."""


@dataclass(kw_only=True)
class Tracker:
    """One MLflow run as a context manager; without `enabled` it does nothing. `root` is the repository's folder; `columns` are
    the few settings that people choose runs by: the run's name has them, and they are params under their short names."""

    enabled: bool
    uri: str
    experiment: str
    root: Path
    stage: str
    persona: str
    params: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    problem: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.uri = tracking_uri(self.uri, self.root)
        self.columns = {name: value for name, value in self.columns.items() if value is not None}
        self._client: Any = None
        self._run_id = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlflow")
        self._calls: deque[Callable[[], object]] = deque()
        self._rows: list[Row] = []
        self._sent_s = -SEND_EVERY_S
        self._sending: Future[None] | None = None
        self._refused, self._answered = 0, True
        self._mark = uuid.uuid4().hex

    def __enter__(self) -> Self:
        if self.enabled and (wrong := address_problem(self.uri)):
            self.problem, self.enabled = wrong, False
            self._say(wrong)
        if self.enabled:
            self._calls.append(self._start)
            # Waited for: mlflow is imported while nobody else imports.
            self._thread.submit(self._send).result()
        return self

    def log_metrics(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log (step, {name: value}) rows, with the next batch."""
        now_ms = int(time.time() * 1000)
        self._rows += [(now_ms, step, values) for step, values in rows]
        # While the server is slow what is measured waits in the list, never in a queue of requests.
        idle = self._sending is None or self._sending.done()
        if self.enabled and idle and time.monotonic() - self._sent_s >= SEND_EVERY_S:
            self._sent_s = time.monotonic()
            self._add_rows()
            self._sending = self._thread.submit(self._send)

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Log one file (a picture, a table) as an artifact; it must stay until the run ends."""
        self._calls.append(lambda: self._client.log_artifact(self._run_id, str(path), folder))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run, e.g. with the weights' sha256."""
        for key, value in tags.items():
            self._calls.append(partial(self._set_tag, key, value))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        status = "FINISHED" if kind is None else "KILLED" if kind is KeyboardInterrupt else "FAILED"
        self._add_rows()
        self._calls.append(lambda: self._client.set_terminated(self._run_id, status))
        ended_s = time.monotonic()
        for tries_left in reversed(range(LAST_TRIES)):
            self._thread.submit(self._send, leave_out=not tries_left).result()
            silent = not self._answered and time.monotonic() - ended_s >= LAST_WAIT_S
            if not self.enabled or not self._calls or silent:
                break
            time.sleep(LAST_PAUSE_S if tries_left else 0)
        self._thread.shutdown()
        if self.enabled and (lost := self._refused + len(self._calls)):
            running = ", and it stays RUNNING there" if self._calls and self._client is not None else ""
            self._say(f"{lost} record(s) of this run are not there{running}: {self.problem}")

    def _start(self) -> None:
        # What does not go through is kept and sent again from here.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        quiet()
        from mlflow import MlflowClient
        from mlflow.entities import Param

        if not self.uri.startswith("http"):
            # Its ten tries of a database, with back-off, take two minutes.
            from mlflow.store.db import utils

            utils.MAX_RETRY_COUNT = 3
        make_database(self.uri)
        client: Any = MlflowClient(tracking_uri=self.uri)
        created = experiment_id(client, self.experiment, self.uri, self.root)
        tags = {
            "likeness.stage": self.stage,
            "likeness.persona": self.persona,
            MARK: self._mark,
            **_revision(),
        }
        run = client.create_run(created, tags=tags, run_name=self._name())
        # An answer that is lost on its way is asked for again, and that makes another run, which nobody would end.
        for twin in client.search_runs([created], f"tags.`{MARK}` = '{self._mark}'"):
            if twin.info.run_id != run.info.run_id:
                client.delete_run(twin.info.run_id)
        self._client, self._run_id = client, run.info.run_id
        flat = [Param(key, str(value)) for key, value in flatten({**self.params, **self.columns}).items()]
        self._calls.insert(1, lambda: client.log_batch(self._run_id, params=flat))

    def _name(self) -> str:
        """`train@jade, rank 8, lr 0.0001, steps 1500, slim-cat`."""
        told = [f"{name} {value}" for name, value in self.columns.items()]
        experiment = os.environ.get("DVC_EXP_NAME")
        return ", ".join(
            [f"{self.stage}@{self.persona}", *told, *([experiment] if experiment and told else [])]
        )

    def _add_rows(self) -> None:
        if self._rows:
            rows, self._rows = self._rows, []
            self._calls.append(partial(self._log_metrics, rows))

    def _set_tag(self, key: str, value: str) -> None:
        self._client.set_tag(self._run_id, key, value)

    def _log_metrics(self, rows: Sequence[Row]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, float(value), at_ms, step)
            for at_ms, step, row in rows
            for name, value in row.items()
        ]
        log_metrics(self._client, self._run_id, metrics)

    def _send(self, *, leave_out: bool = False) -> None:
        """Make the calls that wait, in order, up to one that the server does not take now; with `leave_out` it does not keep
        the others waiting, as long as the server answers: the last one ends the run."""
        while self.enabled and self._calls:
            try:
                self._calls[0]()
            # Whatever a tracking server or its client raises must not cost the work it only watches.
            except Exception as error:
                first, cause = self.problem is None, cause_of(error, self.uri)
                self.problem, self._answered = cause.words, cause.answered
                if first:
                    self._say(
                        cause.words + ("" if cause.final else "\n  what waits is sent when it answers again")
                    )
                if not cause.final and not (leave_out and cause.answered and self._client is not None):
                    return
                self._refused += 1
                self.enabled = self._client is not None  # without a run no other call means anything
            self._calls.popleft()

    def _say(self, words: str) -> None:
        sys.stderr.write(f"{self.stage}: MLflow: {words}\n")


def _revision() -> dict[str, str]:
    tags = {"DVC_EXP_NAME": name} if (name := os.environ.get("DVC_EXP_NAME")) else {}
    commit = git("rev-parse", "HEAD")
    return tags | ({"mlflow.source.git.commit": commit.strip()} if commit else {})
