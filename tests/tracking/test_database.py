"""likeness.tracking: a local database that is damaged, older, made in part or by two runs at once."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from tracked_runs import mlflow, runs, tracker

from likeness.tracking import tracker as tracking


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.write_bytes(b"notes of mine\n" * 500), "was made in part"),
        (lambda file: (file.unlink(), file.mkdir()), "a folder lies in the database's place"),
        (lambda file: execute(file, "drop table metrics"), "was made in part"),
    ],
    ids=["text", "folder", "a table gone"],
)
def test_a_damaged_database_is_told_without_a_traceback(in_tmp, capfd, caplog, damage, words):
    damage(in_tmp / "mlflow.db")
    with tracker("sqlite:///mlflow.db") as run:
        run.log_metrics([(1, {"loss": 1.0})])
    told = capfd.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not [one for one in caplog.records if one.name.startswith("mlflow.store.db")]


def execute(file, words):
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(words)
        database.commit()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "sqlite:///{here}/mlflow.db"])
def test_a_database_that_is_a_link_to_nothing_is_made_nowhere_else(in_tmp, capsys, uri):
    """A disk that is not mounted: its place would take a second database, and the first one would be missed."""
    (in_tmp / "mlflow.db").unlink(missing_ok=True)
    (in_tmp / "mlflow.db").symlink_to(in_tmp / "disk/mlflow.db")
    with tracker(uri.format(here=f"/{in_tmp}")) as run:
        run.log_metrics([(1, {"loss": 1.0})])
    told = capsys.readouterr().err
    assert f"mlflow.db is a link to {in_tmp}/disk/mlflow.db, where nothing is" in told
    assert "remedy: mount the disk" in told
    assert [path.name for path in in_tmp.iterdir()] == ["mlflow.db"]


@pytest.mark.usefixtures("impatient")
def test_a_deleted_experiment_is_told_as_that(in_tmp, capsys):
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    client.delete_experiment(number := client.create_experiment("likeness"))
    with tracker("sqlite:///mlflow.db") as run:
        assert f"mlflow experiments restore -x {number}" in capsys.readouterr().err
        run.log_metrics([(1, {"loss": 1.0})])
    assert capsys.readouterr().err == ""
    assert "was deleted" in run.problem


@pytest.mark.usefixtures("impatient")
def test_a_database_of_an_older_mlflow_is_told_as_that(in_tmp, capsys):
    with tracker("sqlite:///mlflow.db"):
        pass
    with sqlite3.connect("mlflow.db") as database:
        database.execute("update alembic_version set version_num = '451aebb31d03'")
    database.close()
    # The store of a database is kept in the process; another name for the file is another store.
    with tracker(f"sqlite:////{in_tmp}/mlflow.db"):
        assert "mlflow db upgrade" in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_a_database_appears_whole_or_not_at_all(in_tmp, monkeypatch, database):
    """A run that is killed while MLflow makes its tables leaves nothing that the next one could stumble over."""
    Path("mlflow.db").unlink()

    class Killed(BaseException):
        pass

    def killed(self, **options):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "search_experiments", killed)
        with pytest.raises(Killed):
            tracking.make_database(f"sqlite:///{in_tmp}/mlflow.db")
    assert list(in_tmp.iterdir()) == []

    def slower(self, **options):  # than another run, which has made it meanwhile
        shutil.copy(database, in_tmp)
        Path(self.tracking_uri.partition(":///")[2]).write_bytes(b"mine")

    monkeypatch.setattr(mlflow.MlflowClient, "search_experiments", slower)
    tracking.make_database(f"sqlite:///{in_tmp}/mlflow.db")
    assert [path.name for path in in_tmp.iterdir()] == ["mlflow.db"]
    assert Path("mlflow.db").read_bytes() == database.read_bytes()


@pytest.mark.usefixtures("impatient")
def test_a_database_that_was_made_in_part_is_told_as_that(in_tmp, capsys):
    path = in_tmp / "half.db"
    with sqlite3.connect(path) as half:
        half.execute("create table _alembic_tmp_tags (value float)")
    half.close()
    with tracker(f"sqlite:///{path}"):
        assert "was made in part" in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_an_experiment_that_another_run_makes_meanwhile_is_taken(in_tmp, monkeypatch):
    create = mlflow.MlflowClient.create_experiment

    def twice(self, name, **options):  # the other run's, then ours
        create(self, name, **options)
        return create(self, name, **options)

    monkeypatch.setattr(mlflow.MlflowClient, "create_experiment", twice)
    with tracker("sqlite:///mlflow.db") as run:
        run.log_metrics([(1, {"loss": 1.0})])
    assert run.problem is None
    [logged] = runs(mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db"))
    assert (logged.info.status, logged.data.metrics) == ("FINISHED", {"loss": 1.0})
