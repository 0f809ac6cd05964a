"""What has to be so before MLflow's client is made: its patience, and a database that is whole."""

import contextlib
import logging
import os
import uuid
from typing import Any

from likeness.disk import discard, refuse_links_to_nothing
from likeness.tracking.cause import database_path, database_uri


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
