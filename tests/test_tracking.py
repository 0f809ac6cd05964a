"""MLflow gets a run with params, metrics, files and tags; a dead server never stops the work."""

import shutil
import socket
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from secrets_planted import holders, plant

from likeness.errors import ProviderError
from likeness.settings import flatten
from likeness.tracking import records
from likeness.tracking import tracker as tracking
from likeness.tracking.cause import cause_of, tracking_uri
from likeness.tracking.records import Registered, register
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


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """An empty database of MLflow: it takes seconds to make one."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def ready(in_tmp, database):
    shutil.copy(database, in_tmp)


def test_no_key_of_the_environment_gets_into_mlflow(in_tmp, monkeypatch):
    planted = plant(monkeypatch)
    params = yaml.safe_load((Path(__file__).parents[1] / "params.yaml").read_text())
    with tracker("sqlite:///mlflow.db", params=params) as run:
        run.log_metrics([(1, {"loss": 1.0})])
        run.set_tags({"weights_sha256": "abc"})
    assert run.problem is None
    assert b"probe_steps" in Path("mlflow.db").read_bytes()  # the settings are there
    assert holders(in_tmp, planted) == []


@pytest.mark.parametrize("name", ["100 % of us?", "a%20b", "Zoë's & [b] #1"])
def test_a_repository_may_lie_in_any_folder(in_tmp, database, monkeypatch, name):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = in_tmp / name
    root.mkdir()
    (in_tmp / "sheet.png").write_bytes(b"a face")
    shutil.copy(database, root)
    with tracker("sqlite:///mlflow.db", root=root, persona="jade") as run:
        run.log_metrics([(1, {"loss": 1.0})])
        run.log_file(in_tmp / "sheet.png")
    assert run.problem is None
    with sqlite3.connect(root / "mlflow.db") as rows:
        assert rows.execute("select status from runs").fetchall() == [("FINISHED",)]
    assert len(list(root.rglob("sheet.png"))) == 1
    assert len(records.delete_runs("sqlite:///mlflow.db", "likeness", root, "jade", dry_run=False)) == 1
    assert list(root.rglob("sheet.png")) == []


def test_a_purge_in_a_copy_of_a_repository_deletes_the_copys_files_and_no_others(
    in_tmp, database, monkeypatch
):
    """The database names the place where a run was made."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    first, copy = in_tmp / "first", in_tmp / "copy"
    first.mkdir()
    shutil.copy(database, first)
    (in_tmp / "sheet.png").write_bytes(b"a face")
    with tracker("sqlite:///mlflow.db", root=first, persona="jade") as run:
        run.log_file(in_tmp / "sheet.png")
    assert run.problem is None
    shutil.copytree(first, copy)
    assert len(records.delete_runs("sqlite:///mlflow.db", "likeness", copy, "jade", dry_run=False)) == 1
    assert list(copy.rglob("sheet.png")) == []
    assert len(list(first.rglob("sheet.png"))) == 1
    assert records.delete_runs("sqlite:///mlflow.db", "likeness", copy, "jade", dry_run=False) == []


@pytest.mark.usefixtures("impatient")
def test_a_purge_is_told_what_mlflow_does_not_do_and_goes_on(in_tmp, monkeypatch):
    with tracker("sqlite:///mlflow.db"):
        pass

    def refuses(self, run_id):
        raise mlflow.exceptions.MlflowException("attempt to write a readonly database")

    monkeypatch.setattr(mlflow.MlflowClient, "delete_run", refuses)
    with pytest.raises(ProviderError, match="readonly database"):  # which a purge tells, and purges the rest
        records.delete_runs("sqlite:///mlflow.db", "likeness", in_tmp, "jade", dry_run=False)


def test_a_run_is_logged_whole(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_EXP_NAME", "slim-cat")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
        check=True,
    )
    Path("loss.csv").write_text("step,loss\n")
    with tracker("sqlite:///mlflow.db") as run:
        run.log_metrics([(step, {"loss": 1 / step, "lr": 0.1}) for step in range(1, 1201)])
        run.log_file(Path("loss.csv"))
        run.set_tags({"weights_sha256": "abc"})
    assert run.problem is None
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    [logged] = client.search_runs([client.get_experiment_by_name("likeness").experiment_id])
    assert logged.info.status == "FINISHED"
    assert logged.data.params == {"train.lr": "0.0001", "train.steps": "3"}
    assert len(client.get_metric_history(logged.info.run_id, "loss")) == 1200
    tags = logged.data.tags
    assert (tags["DVC_EXP_NAME"], tags["likeness.stage"], tags["weights_sha256"]) == (
        "slim-cat",
        "train",
        "abc",
    )
    assert len(tags["mlflow.source.git.commit"]) == 40
    assert [file.path for file in client.list_artifacts(logged.info.run_id)] == ["loss.csv"]


def test_runs_are_named_and_sorted_by_what_people_choose_by(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DVC_EXP_NAME", "slim-cat")
    for rank, identity in ((8, 0.5), (16, 0.7)):
        columns = {"rank": rank, "lr": 1e-4, "steps": 300, "epochs": None}
        with tracker("sqlite:///mlflow.db", stage="evaluate", columns=columns) as run:
            run.log_metrics([(0, {"identity": identity})])
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    where = [client.get_experiment_by_name("likeness").experiment_id]
    best, other = client.search_runs(where, order_by=["metrics.identity DESC"])
    assert best.info.run_name == "evaluate@jade, rank 16, lr 0.0001, steps 300, slim-cat"
    assert best.data.params["rank"] == "16"
    assert "epochs" not in best.data.params
    assert [one.info.run_id for one in client.search_runs(where, "params.rank = '8'")] == [other.info.run_id]


def test_runs_of_another_machine_are_copied_once(in_tmp, database):
    shutil.copyfile(database, in_tmp / "theirs.db")
    with tracker("sqlite:///theirs.db", params={"lr": 0.5}) as run:
        run.log_metrics([(1, {"loss": 2.0}), (2, {"loss": 1.0})])
    words = (in_tmp / "theirs.db", "sqlite:///mlflow.db", "likeness", in_tmp)
    assert records.merge_runs(*words) == 1
    assert records.merge_runs(*words) == 0
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    (copy,) = runs(client)
    assert copy.data.params["lr"] == "0.5"
    assert copy.data.tags["likeness.stage"] == "train"
    assert copy.info.status == "FINISHED"
    history = client.get_metric_history(copy.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.0), (2, 1.0)]


def test_a_failed_stage_is_a_failed_run(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ValueError, match="diverged"), tracker("sqlite:///mlflow.db"):
        raise ValueError("diverged")
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    [logged] = client.search_runs([client.get_experiment_by_name("likeness").experiment_id])
    assert logged.info.status == "FAILED"


def test_metrics_are_sent_in_batches_while_the_work_goes_on(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(tracking, "SEND_EVERY_S", 0.0)
    answering, batches = threading.Event(), []

    class Slow(Tracker):
        def _log_metrics(self, rows):
            batches.append([step for _, step, _ in rows])
            answering.wait(5)  # as a server does that hangs
            super()._log_metrics(rows)

    with Slow(enabled=True, root=Path(), uri="sqlite:///mlflow.db", experiment="likeness", stage="train", persona="jade",
              params={}) as run:  # fmt: skip
        for step in range(1, 6):
            run.log_metrics([(step, {"loss": 1 / step})])
        assert batches in ([], [[1]])
        answering.set()
    assert batches == [[1], [2, 3, 4, 5]]
    assert run.problem is None
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    [logged] = client.search_runs([client.get_experiment_by_name("likeness").experiment_id])
    assert len(client.get_metric_history(logged.info.run_id, "loss")) == 5


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(tracking, "SEND_EVERY_S", 0.0)
    monkeypatch.setattr(tracking, "LAST_PAUSE_S", 0.0)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def runs(client):
    return client.search_runs([client.get_experiment_by_name("likeness").experiment_id])


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
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
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
    ],
)  # fmt: skip
def test_each_cause_is_told_in_words_of_its_own(said, words, final):
    cause = cause_of(mlflow.exceptions.MlflowException(said), "http://ann:hush@tracking:5000")
    assert words in cause.words
    assert "remedy: " in cause.words
    assert "hush" not in cause.words
    assert cause.final == final


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


def test_switched_off_it_touches_nothing(in_tmp, capsys):
    Path("mlflow.db").unlink()
    with tracker("sqlite:///mlflow.db", enabled=False) as run:
        run.log_metrics([(1, {"loss": 1.0})])
    assert list(in_tmp.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_the_environment_wins_and_relative_databases_lie_in_the_repository(in_tmp, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri("sqlite:///mlflow.db", Path("/srv/house")) == "http://127.0.0.1:5000"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri("sqlite:///mlflow.db", Path("/srv/house")) == "sqlite:////srv/house/mlflow.db"
    assert tracking_uri("sqlite:////var/mlflow.db", Path("/srv/house")) == "sqlite:////var/mlflow.db"


def test_settings_are_flattened_to_dotted_names():
    assert dict(flatten({"a": {"b": {"c": 1}}, "d": [1, 2]})) == {"a.b.c": 1, "d": [1, 2]}


def test_mlflows_registry_has_the_same_numbers_and_loses_them_with_the_consent(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    uri = f"sqlite:///{in_tmp}/mlflow.db"
    weights_file = in_tmp / "jade-v1.safetensors"
    weights_file.write_bytes(b"x")

    def version(number, source=None):
        return Registered(
            number=number, sha256=str(number) * 64, source=source, tags={"of": "HEAD"}, words="why"
        )

    assert register(uri, "likeness", in_tmp, "jade", [version(1, weights_file)]) is None
    assert register(uri, "likeness", in_tmp, "jade", [version(1), version(2)]) is None
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    found = {one.version: one for one in client.search_model_versions("name = 'likeness-jade'")}
    assert {int(number): one.tags["sha256"][0] for number, one in found.items()} == {1: "1", 2: "2"}
    assert found[min(found)].source == weights_file.as_uri()
    other = Registered(number=1, sha256="f" * 64, source=None, tags={}, words="")
    assert "has other bytes than ours" in register(uri, "likeness", in_tmp, "jade", [other])
    with tracker(uri, root=in_tmp):
        pass
    gone = records.delete_runs(uri, "likeness", in_tmp, "jade", dry_run=False)
    assert "registered model likeness-jade" in gone
    assert not client.search_registered_models()


def test_a_registry_that_cannot_be_read_costs_nothing_else(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("file").write_text("no folder")
    assert "was not reached" in register(f"sqlite:///{in_tmp}/file/x.db", "likeness", in_tmp, "jade", [])
