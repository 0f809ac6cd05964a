"""MLflow gets a run with params, metrics, files and tags; a dead server never stops the work."""

import shutil
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from secrets_planted import holders, plant
from tracked_runs import mlflow, runs, tracker

from likeness.errors import ProviderError
from likeness.settings import flatten
from likeness.tracking import records
from likeness.tracking import tracker as tracking
from likeness.tracking.cause import tracking_uri
from likeness.tracking.records import Registered, register
from likeness.tracking.tracker import Tracker


def test_no_key_of_the_environment_gets_into_mlflow(in_tmp, monkeypatch):
    planted = plant(monkeypatch)
    params = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
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
    assert len(records.delete_runs("sqlite:///mlflow.db", "likeness", root, "jade", dry_run=False).names) == 1
    assert list(root.rglob("sheet.png")) == []


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


def test_runs_are_not_copied_into_a_deleted_experiment(in_tmp, database):
    shutil.copyfile(database, in_tmp / "theirs.db")
    with tracker("sqlite:///theirs.db"):
        pass
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{in_tmp}/mlflow.db")
    client.delete_experiment(client.create_experiment("likeness"))
    with pytest.raises(ProviderError, match=r"was deleted[^`]*`mlflow experiments restore"):
        records.merge_runs(in_tmp / "theirs.db", "sqlite:///mlflow.db", "likeness", in_tmp)


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
    gone = records.delete_runs(uri, "likeness", in_tmp, "jade", dry_run=False).names
    assert "registered model likeness-jade" in gone
    assert not client.search_registered_models()


def test_a_registry_that_cannot_be_read_costs_nothing_else(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("file").write_text("no folder")
    assert "was not reached" in register(f"sqlite:///{in_tmp}/file/x.db", "likeness", in_tmp, "jade", [])
