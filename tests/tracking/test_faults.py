"""likeness.tracking: a server that is down, silent or refuses."""

import contextlib
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest
from tracked_runs import mlflow, runs, tracker

from likeness.tracking import tracker as tracking
from likeness.tracking.cause import address_problem, cause_of
from likeness.tracking.tracker import Tracker


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_down_is_told_at_the_start_and_stops_nothing(in_tmp, monkeypatch, capsys):
    # Port 9 (discard) has no listener here.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:planted-secret@127.0.0.1:9")
    Path("mlflow.db").unlink()
    with tracker("sqlite:///mlflow.db") as run:
        started = capsys.readouterr().err
        run.log_metrics([(1, {"loss": 1.0})])
        run.set_tags({"a": "b"})
    ended = capsys.readouterr().err
    assert run.problem is not None
    assert "was not reached" in started
    assert "sent when it answers again" in started
    assert "4 record(s) of this run are not there" in ended
    assert "planted-secret" not in started + ended
    assert not Path("mlflow.db").exists()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failing", ["_start", "_log_metrics", "_set_tag"])
def test_what_the_server_does_not_take_now_is_sent_later(in_tmp, capsys, failing):
    """Two requests fail, as of a server that restarts: the run is whole, and ended."""
    failures = []

    class Unlucky(Tracker):
        pass

    def fails_twice(self, *arguments):
        if len(failures) < 2:
            failures.append(failing)
            raise ConnectionError("the server restarts")
        return getattr(Tracker, failing)(self, *arguments)

    setattr(Unlucky, failing, fails_twice)
    with Unlucky(enabled=True, root=Path(), uri="sqlite:///mlflow.db", experiment="likeness", stage="train",
                 persona="jade", params={"lr": 1}) as run:  # fmt: skip
        for step in range(1, 6):
            run.log_metrics([(step, {"loss": 1 / step})])
        run.set_tags({"a": "b"})
    assert len(failures) == 2
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    [logged] = runs(client)
    assert logged.info.status == "FINISHED"
    assert [one.step for one in client.get_metric_history(logged.info.run_id, "loss")] == [1, 2, 3, 4, 5]
    assert logged.data.tags["a"] == "b"
    assert logged.data.params == {"lr": "1"}
    assert "record(s)" not in capsys.readouterr().err


@pytest.mark.usefixtures("impatient")
def test_what_the_server_refuses_costs_nothing_else(in_tmp, capsys):
    Path("loss.csv").write_text("step,loss\n")
    with tracker("sqlite:///mlflow.db") as run:
        run.set_tags({"x" * 300: "MLflow takes 250 characters"})
        run.log_metrics([(1, {"loss": 1.0})])
        run.log_file(Path("loss.csv"))
    words = capsys.readouterr().err
    assert "it refused a request" in words
    assert "1 record(s) of this run are not there" in words
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    [logged] = runs(client)
    assert logged.info.status == "FINISHED"
    assert logged.data.metrics == {"loss": 1.0}
    assert [file.path for file in client.list_artifacts(logged.info.run_id)] == ["loss.csv"]


@pytest.mark.usefixtures("impatient")
def test_a_file_that_the_server_never_takes_keeps_the_run_from_nothing_else(in_tmp, monkeypatch, capsys):
    """As where the server's disk is full: the run is ended, with its rows and tags."""

    def full(self, run_id, path, folder=None):
        raise mlflow.exceptions.MlflowException("too many 500 error responses")

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifact", full)
    with tracker("sqlite:///mlflow.db") as run:
        run.log_file(Path("sheet.png"))
        run.log_metrics([(1, {"loss": 1.0})])
        run.set_tags({"a": "b"})
    assert "1 record(s) of this run are not there: " in capsys.readouterr().err
    [logged] = runs(mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db"))
    assert (logged.info.status, logged.data.metrics, logged.data.tags["a"]) == (
        "FINISHED",
        {"loss": 1.0},
        "b",
    )


@pytest.mark.usefixtures("impatient")
def test_an_end_that_the_server_does_not_take_is_told(in_tmp, monkeypatch, capsys):
    def down(self, run_id, status):
        raise ConnectionError("Connection refused")

    monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", down)
    with tracker("sqlite:///mlflow.db"):
        pass
    assert "1 record(s) of this run are not there, and it stays RUNNING there: " in capsys.readouterr().err


def test_a_server_that_takes_requests_and_says_nothing_is_not_asked_again_and_again(
    in_tmp, monkeypatch, capsys
):
    """It is asked once at the start and once at the end; it was nine times at the end, for 145 s."""
    monkeypatch.setattr(tracking, "LAST_WAIT_S", 0.0)
    monkeypatch.setattr(mlflow.environment_variables.MLFLOW_HTTP_REQUEST_TIMEOUT, "type", float)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.2")
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        with tracker(f"http://127.0.0.1:{server.getsockname()[1]}") as run:
            run.set_tags({"a": "b"})
        server.setblocking(False)
        asked = list(iter(lambda: accepted(server), None))
    assert len(asked) == 2
    assert "it does not answer in time" in capsys.readouterr().err


def accepted(server):
    """The next connection that waits; None where none does."""
    try:
        return server.accept()[0].close() or True
    except BlockingIOError:
        return None


@pytest.mark.usefixtures("impatient")
def test_a_run_whose_making_was_answered_twice_is_one_run(in_tmp, monkeypatch):
    create = mlflow.MlflowClient.create_run

    def twice(self, *arguments, **options):  # the answer to the first was lost on its way
        create(self, *arguments, **options)
        return create(self, *arguments, **options)

    monkeypatch.setattr(mlflow.MlflowClient, "create_run", twice)
    with tracker("sqlite:///mlflow.db") as run:
        run.log_metrics([(1, {"loss": 1.0})])
    [logged] = runs(mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db"))
    assert (logged.info.status, logged.data.metrics) == ("FINISHED", {"loss": 1.0})


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_is_no_failure(in_tmp):
    with pytest.raises(KeyboardInterrupt), tracker("sqlite:///mlflow.db"):
        raise KeyboardInterrupt
    [logged] = runs(mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db"))
    assert logged.info.status == "KILLED"


@pytest.mark.parametrize("uri", ["127.0.0.1:5000", "./mlruns", "htp://127.0.0.1:5000", "mlflow.db"])
def test_what_is_no_address_is_told_before_mlflow_is_asked(in_tmp, monkeypatch, capsys, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr(mlflow, "MlflowClient", None)
    with tracker("sqlite:///mlflow.db") as run:
        run.log_metrics([(1, {"loss": 1.0})])
    told = capsys.readouterr().err
    assert f"{uri} is no address of an MLflow server" in told
    assert ("write http://127.0.0.1:5000 for" in told) == (uri == "127.0.0.1:5000")


@pytest.mark.parametrize(
    ("said", "words", "final"),
    [
        ("failed with exception ... too many 502 error responses", "answers with error 502", False),
        ("failed with error code 429 != 200. Response body: 'slow down'", "answers with error 429", False),
        ("failed with error code 401 != 200. Response body: 'no'", "MLFLOW_TRACKING_USERNAME", True),
        ("failed with error code 404 != 200. Response body: '<html>'", "not as MLflow does: '<html>'", False),
        ("was successful but ... Response body: '<h1>Login</h1>'", "not as MLflow does: '<h1>Login", False),
        ("INTERNAL_ERROR: Response: {'error': 'no'}", "not as MLflow does: {'error'", False),
        ("failed with error code 413 != 200. Response body: 'large'", "too large", True),
        ("Max retries exceeded (Caused by NameResolutionError: Failed to resolve 'x')", "no machine of that name", False),
        ("Max retries exceeded ... [Errno 111] Connection refused", "nothing listens there", False),
        ("Max retries exceeded ... SSLError(...)", "does not speak https", False),
        ("Max retries exceeded ... Read timed out. (read timeout=10)", "does not answer in time", False),
        ("(sqlite3.OperationalError) database or disk is full", "free some space", False),
        ("(sqlite3.DatabaseError) file is not a database", "move that file away", True),
        ("(raised as a result of autoflush)\n(sqlite3.OperationalError) no such table: metrics\n[SQL: ...]", "made in part", True),
        ("(sqlite3.OperationalError) table metrics has no column named step", "made in part", True),
        ("(sqlite3.DatabaseError) database disk image is malformed", "is damaged", True),
        ("(sqlite3.OperationalError) disk I/O error", "cannot be written to", False),
        ("(raised ...)\n(sqlite3.OperationalError) database is locked\n[SQL: ...]", "held by another program", False),
        ("(sqlite3.OperationalError) unable to open database file", "cannot be opened", False),
        ("Detected out-of-date database schema (found version z, but expected a)", "install the newer MLflow", True),
        ("The run 12ab must be in the 'active' state. Current state is deleted.", "mlflow runs restore", True),
    ],
)  # fmt: skip
def test_each_cause_is_told_in_words_of_its_own(said, words, final):
    cause = cause_of(mlflow.exceptions.MlflowException(said), "http://ann:hush@tracking:5000")
    assert words in cause.words
    assert "remedy: " in cause.words
    assert "hush" not in cause.words
    assert cause.final == final


def test_a_driver_that_is_not_installed_is_told_with_the_command():
    cause = cause_of(ModuleNotFoundError("No module named 'pymysql'", name="pymysql"), "mysql+pymysql://db/x")
    assert "needs the package pymysql" in cause.words
    assert "pip install pymysql" in cause.words
    assert cause.final


@pytest.mark.parametrize("uri", ["http://", "sqlite://", "sqlite://mlflow.db", "sqlite:///"])
def test_half_an_address_is_none(uri):
    assert "is no address of an MLflow server or database" in str(address_problem(uri))


@pytest.mark.parametrize(
    "uri", ["http://tracking:5000", "sqlite:///mlflow.db", "sqlite:////srv/mlflow.db", "databricks://x"]
)
def test_a_whole_address_is_one(uri):
    assert address_problem(uri) is None


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
