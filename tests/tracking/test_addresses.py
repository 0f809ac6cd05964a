"""likeness.tracking: addresses that are none, and why one did not answer."""

import pytest
from tracked_runs import mlflow, tracker

from likeness.errors import ProviderError
from likeness.tracking.cause import KEYS, address_problem, cause_of
from likeness.tracking.records import delete_runs, register


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


@pytest.mark.parametrize("key", [*KEYS, "file"])
def test_a_key_goes_to_no_server_that_settings_alone_name(in_tmp, monkeypatch, capsys, key):
    monkeypatch.setattr(mlflow, "MlflowClient", None)
    monkeypatch.setenv("HOME", str(in_tmp))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if key == "file":
        (in_tmp / ".mlflow").mkdir()
        (in_tmp / ".mlflow/credentials").write_text("[mlflow]\nmlflow_tracking_password = hush\n")
    else:
        monkeypatch.setenv(key, "hush")
    uri = "https://collect.example"
    with tracker(uri) as run:
        run.log_metrics([(1, {"loss": 1.0})])
    with pytest.raises(ProviderError) as caught:
        delete_runs(uri, "likeness", in_tmp, "jade", dry_run=False)
    told = capsys.readouterr().err, str(caught.value), str(register(uri, "likeness", in_tmp, "jade", []))
    assert all("would be sent there" in one and "hush" not in one for one in told)
    assert address_problem("http://127.0.0.1:5000") is None
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert address_problem(uri) is None
