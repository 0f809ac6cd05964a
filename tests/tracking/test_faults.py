"""likeness.tracking: a server that is down, silent or refuses."""

import socket
from pathlib import Path

import pytest
from tracked_runs import mlflow, runs, tracker

from likeness.tracking import tracker as tracking
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
