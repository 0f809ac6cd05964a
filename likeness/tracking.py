"""MLflow runs: the only module that imports mlflow, and only when a run starts (the import takes 1.4-2.3 s).

Tracking never stops the work, nor does the work wait for it: one thread talks to the server, and when that fails the
run goes on, and says at the end that not all was logged and why. Metrics are sent in batches (one call a value is ten
times slower over HTTP), so that a person can watch a run from elsewhere.
"""

import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

# MLflow's limit on metrics in one log-batch request (REST API, "Request Limits").
BATCH_METRICS = 1000
# `//user:password@` of a tracking URI: a message must not repeat it.
USER_INFO = re.compile(r"//[^/@\s]+@")
# Metrics wait this long for others to be sent with; a local database takes about 50 ms a batch.
SEND_EVERY_S = 10.0

Row = tuple[int, int, Mapping[str, float]]
"""Milliseconds since 1970, step, values by name."""


class Tracker:
    """One MLflow run as a context manager; without `enabled` it does nothing. `root` is the repository's folder."""

    def __init__(
        self,
        *,
        enabled: bool,
        uri: str,
        experiment: str,
        root: Path,
        stage: str,
        persona: str,
        params: Mapping[str, Any],
    ) -> None:
        self._root = root
        self._enabled, self._uri, self._experiment = enabled, uri, experiment
        self._stage, self._persona, self._params = stage, persona, params
        self._client: Any = None
        self._run_id = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mlflow")
        self._waiting: list[Row] = []
        self._sent_s = -SEND_EVERY_S
        self._sending: Future[None] | None = None
        self.problem: str | None = None

    def __enter__(self) -> Self:
        if self._enabled:
            # Waited for: mlflow is imported while nobody else imports.
            self._try(self._start).result()
        return self

    def log_metrics(self, rows: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        """Log (step, {name: value}) rows, with the next batch."""
        now_ms = int(time.time() * 1000)
        self._waiting += [(now_ms, step, values) for step, values in rows]
        # While the server is slow what is measured waits in the list, never in a queue of requests.
        if time.monotonic() - self._sent_s >= SEND_EVERY_S and (
            self._sending is None or self._sending.done()
        ):
            self._send()

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Log one file (a picture, a table) as an artifact; it must stay until the run ends."""
        self._try(lambda: self._client.log_artifact(self._run_id, str(path), folder))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tag the run, e.g. with the weights' sha256."""
        self._try(lambda: [self._client.set_tag(self._run_id, key, value) for key, value in tags.items()])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = "FINISHED" if kind is None else "FAILED"
        self._send()
        self._try(lambda: self._client.set_terminated(self._run_id, status))
        self._thread.shutdown()
        if self.problem is not None:
            sys.stderr.write(
                f"{self._stage}: MLflow was not reached, so this run is not fully logged there: {self.problem}\n"
                "  remedy: check MLFLOW_TRACKING_URI, or set tracking.enabled: false in conf/tracking/mlflow.yaml\n"
            )

    def _start(self) -> None:
        # Three retries of a dead server instead of MLflow's seven with back-off, which take minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from mlflow import MlflowClient
        from mlflow.entities import Param

        client: Any = MlflowClient(tracking_uri=(uri := tracking_uri(self._uri, self._root)))
        experiment = client.get_experiment_by_name(self._experiment)
        if experiment is None:
            location = (self._root / "mlartifacts").resolve().as_uri()
            local = uri.startswith("sqlite:")
            created = client.create_experiment(
                self._experiment, artifact_location=location if local else None
            )
        else:
            created = experiment.experiment_id
        tags = {"likeness.stage": self._stage, "likeness.persona": self._persona, **_revision()}
        run = client.create_run(created, tags=tags, run_name=f"{self._stage}@{self._persona}")
        self._client, self._run_id = client, run.info.run_id
        flat = [Param(key, str(value)) for key, value in flatten(self._params)]
        client.log_batch(self._run_id, params=flat)

    def _send(self) -> None:
        rows, self._waiting, self._sent_s = self._waiting, [], time.monotonic()
        self._sending = self._try(self._log_metrics, rows)

    def _log_metrics(self, rows: Sequence[Row]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, float(value), at_ms, step)
            for at_ms, step, row in rows
            for name, value in row.items()
        ]
        for start in range(0, len(metrics), BATCH_METRICS):
            self._client.log_batch(self._run_id, metrics=metrics[start : start + BATCH_METRICS])

    def _try(self, call: Any, *arguments: Any) -> Future[None]:
        return self._thread.submit(self._call, call, *arguments)

    def _call(self, call: Any, *arguments: Any) -> None:
        if not self._enabled or self.problem is not None:
            return
        try:
            call(*arguments)
        # Whatever a tracking server or its client raises must not cost the work it only watches.
        except Exception as error:
            told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            self.problem = USER_INFO.sub("//***@", told)[:300]


def tracking_uri(configured: str, root: Path) -> str:
    """MLFLOW_TRACKING_URI if set, else the configured one; a relative sqlite path is below `root`."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or configured
    scheme, separator, path = uri.partition(":///")
    if scheme == "sqlite" and separator and not path.startswith("/"):
        return f"sqlite:///{(root / path).resolve()}"
    return uri


def flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as dotted names."""
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += flatten(cast("Mapping[str, Any]", value), f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", value))
    return rows


def _revision() -> dict[str, str]:
    tags = {"DVC_EXP_NAME": name} if (name := os.environ.get("DVC_EXP_NAME")) else {}
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return tags | ({"mlflow.source.git.commit": found.stdout.strip()} if found.returncode == 0 else {})
