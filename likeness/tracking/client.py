"""What has to be so before MLflow's client is made: its patience, and a database that is whole; and what is asked of it alike."""

import contextlib
import logging
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from likeness.disk import discard, refuse_links_to_nothing
from likeness.tracking.cause import DeletedExperiment, database_path, database_uri

# MLflow's limit on metrics in one log-batch request (REST API, "Request Limits").
BATCH_METRICS = 1000
ARTIFACTS = "mlartifacts"
"""The folder in the repository that takes the files of runs, where the database is a local one."""


def make_database(uri: str) -> None:
    """Make a local database that is not there, whole or not at all: MLflow makes its tables one by one, and two runs at once,
    or one that is killed, would leave one that no run can use.

    Raises:
        DiskError: a link leads to nothing: MLflow would make another database there, without a word.
    """
    path = database_path(uri)
    if path is None or (path.exists() and path.stat().st_size):
        return
    refuse_links_to_nothing(path)
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        client: Any = MlflowClient(tracking_uri=database_uri(new))
        client.search_experiments(max_results=1)
        with contextlib.suppress(FileExistsError):  # another run was faster
            os.link(new, path)
    finally:
        discard(new)


def quiet() -> None:
    """Before mlflow is imported: three tries of a dead server instead of its seven with back-off, which take minutes, and a
    new database told in no five lines."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Each try of a database takes five lines, and what it says no to a traceback of a hundred: the caller tells the cause.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def experiment_id(client: Any, name: str, uri: str, root: Path) -> str:
    """MLflow's number of an experiment, which is made where it is not there.

    Raises:
        DeletedExperiment: it was deleted.
    """
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        location = (root / ARTIFACTS).resolve().as_uri() if uri.startswith("sqlite:") else None
        try:
            return client.create_experiment(name, artifact_location=location)
        # Another run may have made it meanwhile; each store says so in its own way.
        except Exception:
            if (experiment := client.get_experiment_by_name(name)) is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        raise DeletedExperiment(name, experiment.experiment_id)
    return experiment.experiment_id


def log_metrics(client: Any, run_id: str, metrics: Sequence[Any]) -> None:
    """Log values to a run."""
    for start in range(0, len(metrics), BATCH_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH_METRICS])
