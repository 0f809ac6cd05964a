"""What a purge deletes of MLflow's runs, and what it tells of those that it leaves."""

import shutil

import pytest
from tracked_runs import mlflow, tracker

from likeness.errors import ProviderError
from likeness.tracking import records
from likeness.tracking.records import register


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
    assert len(records.delete_runs("sqlite:///mlflow.db", "likeness", copy, "jade", dry_run=False).names) == 1
    assert list(copy.rglob("sheet.png")) == []
    assert len(list(first.rglob("sheet.png"))) == 1
    assert records.delete_runs("sqlite:///mlflow.db", "likeness", copy, "jade", dry_run=False).names == []


def test_a_purge_finds_the_runs_that_were_logged_to_an_experiment_of_another_name(
    in_tmp, database, monkeypatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with tracker("sqlite:///mlflow.db", root=in_tmp, persona="jade", experiment="before"):
        pass
    assert register("sqlite:///mlflow.db", "before", in_tmp, "jade", []) is None
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):  # of the shell that the purge is started in
        monkeypatch.setenv(name, "sqlite:///another.db")
    gone = records.delete_runs("sqlite:///mlflow.db", "likeness", in_tmp, "jade", dry_run=False)
    assert (len(gone.names), gone.elsewhere) == (2, 0)


def test_in_a_database_that_others_use_too_a_purge_tells_what_other_experiments_have(
    in_tmp, database, monkeypatch
):
    """Somebody else's jade may be another person."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (in_tmp / "mine").mkdir()
    uri = f"sqlite:///{in_tmp}/mlflow.db"
    with tracker(uri, root=in_tmp / "mine", persona="jade", experiment="theirs"):
        pass
    gone = records.delete_runs(uri, "likeness", in_tmp / "mine", "jade", dry_run=False)
    assert (gone.names, gone.elsewhere) == ([], 1)


@pytest.mark.usefixtures("impatient")
def test_a_purge_is_told_what_mlflow_does_not_do_and_goes_on(in_tmp, monkeypatch):
    with tracker("sqlite:///mlflow.db"):
        pass

    def refuses(self, run_id):
        raise mlflow.exceptions.MlflowException("attempt to write a readonly database")

    monkeypatch.setattr(mlflow.MlflowClient, "delete_run", refuses)
    with pytest.raises(ProviderError, match="readonly database"):  # which a purge tells, and purges the rest
        records.delete_runs("sqlite:///mlflow.db", "likeness", in_tmp, "jade", dry_run=False)


def test_a_purge_does_not_take_a_database_that_is_away_for_one_without_her_runs(in_tmp, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (in_tmp / "mlflow.db").unlink()
    (in_tmp / "mlflow.db").symlink_to(in_tmp / "disk/mlflow.db")
    with pytest.raises(ProviderError, match=r"is a link to .*, where nothing is"):
        records.delete_runs("sqlite:///mlflow.db", "likeness", in_tmp, "jade", dry_run=False)
    assert "where nothing is" in (
        records.register("sqlite:///mlflow.db", "likeness", in_tmp, "jade", []) or ""
    )
    assert [path.name for path in in_tmp.iterdir()] == ["mlflow.db"]
