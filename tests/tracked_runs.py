"""A tracker and its database."""

import shutil
from pathlib import Path

import pytest

from likeness.tracking import tracker as tracking
from likeness.tracking.tracker import Tracker

mlflow = pytest.importorskip("mlflow")


def tracker(uri, **changes):
    settings = {
        "enabled": True,
        "root": Path(),
        "uri": uri,
        "experiment": "likeness",
        "stage": "train",
        "persona": "jade",
    }
    return Tracker(**{**settings, "params": {"train": {"lr": 1e-4, "steps": 3}}, **changes})


@pytest.fixture(scope="session")
def database(tmp_path_factory) -> Path:
    """An empty database of MLflow: it takes seconds to make one."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def ready(in_tmp, database):
    shutil.copy(database, in_tmp)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(tracking, "SEND_EVERY_S", 0.0)
    monkeypatch.setattr(tracking, "LAST_PAUSE_S", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def runs(client):
    return client.search_runs([client.get_experiment_by_name("likeness").experiment_id])
