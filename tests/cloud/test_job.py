"""A launch to its end on a machine that is this one: train, evaluate and report run, results come home, no key is anywhere."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from likeness.cli.cloud import cost_command, logs_command, status_command
from likeness.cli.cloud_fetch import fetch_command
from likeness.cli.launch import launch_command
from likeness.cloud.records import JobRecords
from likeness.errors import ConfigError
from likeness.paths import RepositoryPaths
from likeness.purchases.history import purchases
from likeness.store.s3 import Remote
from tools.repository_clone import RepositoryClone

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
CANARY = "canary-8d1f6c2ab47e"
HERE = ["cloud=slurm", f"cloud.python={sys.executable}"]


def launch(*overrides: str) -> None:
    launch_command(
        "jade", [*HERE, *overrides], queue=False, yes=True, dry_run=False, wait=False, as_json=False
    )


def store_of(prepared: RepositoryClone) -> Remote:
    return Remote((prepared.folder.parent / "store").as_uri())


def job_of(engine: Path) -> str:
    return json.loads((engine / "task.json").read_text())["name"]


def test_one_command_there_and_back(clone, prepared, engine, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", CANARY + "-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    launch("train.schedule.steps=21", "train.schedule.warmup_steps=0")
    job, log = job_of(engine), (engine / "log").read_text()
    assert json.loads((engine / "jobs.json").read_text())[0]["status"] == "SUCCEEDED", log
    records = JobRecords(store_of(prepared), job)
    (life,) = records.lives()
    assert (life.end, life.step, life.machine, life.usd_per_hour) == ("done", 21, "slurm", 0.0)

    said = capsys.readouterr()
    assert status_command(as_json=True) == 0
    (view,) = [one for one in json.loads(capsys.readouterr().out)["jobs"] if one["name"] == job]
    assert (view["status"], view["ended"], view["reason"]) == ("SUCCEEDED", True, "done")
    (booked,) = purchases(RepositoryPaths.here().spending)
    assert (booked.end, booked.stage, booked.persona, booked.usd) == ("paid", "launch", "jade", 0.0)

    logs_command(job)
    printed = capsys.readouterr().out
    assert "train: 21/21" in printed
    fetch_command(job)
    clone.dvc("exp", "apply", job, check=False)  # its data is not here yet, and DVC says so
    clone.dvc("pull", "train@jade")
    assert (clone.folder / "models/jade/jade-v1.safetensors").read_text() == "weights of 21 steps"
    capsys.readouterr()

    # The canary is in the environment of the engine alone: the stages print theirs, and it is not there.
    assert "environment: {" in log
    assert "process: b'" in log
    assert "likeness.cloud.job" in log
    assert b"local_engine.py" in (engine / "processes").read_bytes()
    written = [log, printed, said.out, said.err, json.dumps(records.launch())]
    for folder in (clone.folder, prepared.folder.parent / "store", engine):
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "aws":  # the credentials file of the machine's user
                written.append(path.read_bytes().decode("latin-1"))
    assert [text[:200] for text in written if CANARY in text] == []
    (secret,) = [path for path in engine.rglob("aws") if path.is_file()]
    assert (secret.stat().st_mode & 0o777, CANARY in secret.read_text()) == (0o600, True)


def test_a_job_that_fails_says_why_and_is_not_paid_twice(clone, prepared, engine, capsys):
    launch("train.schedule.steps=66", "train.schedule.warmup_steps=0")
    job = job_of(engine)
    (life,) = JobRecords(store_of(prepared), job).lives()
    assert life.end == "failed"
    assert "CUDA out of memory" in life.detail
    cost_command(as_json=True)
    assert job in capsys.readouterr().out
    with pytest.raises(Exception, match="brought back nothing yet"):
        fetch_command(job)


def test_data_that_is_nowhere_is_not_launched(clone, prepared, engine):
    remote, aside = prepared.folder.parent / "dvc", prepared.folder.parent / "aside"
    remote.rename(aside)
    remote.mkdir()
    try:
        with pytest.raises(ConfigError, match="not in the DVC remote"):
            launch()
    finally:
        remote.rmdir() if not any(remote.iterdir()) else shutil.rmtree(remote)
        aside.rename(remote)
    assert not (engine / "task.json").exists()


def test_an_engine_that_refuses_leaves_no_reservation(clone, engine, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "sky-refuses")
    with pytest.raises(ConfigError, match="no cloud is enabled"):
        launch()
    (booked,) = purchases(RepositoryPaths.here().spending)
    assert (booked.end, booked.usd) == ("void", 0.0)
