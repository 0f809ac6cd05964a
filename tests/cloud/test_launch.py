"""A launch on paper: what it says, what it refuses, and that nothing has happened then."""

import datetime
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from likeness.cli.launch import launch_command, plan_all
from likeness.cloud.records import JobRecords
from likeness.errors import ConfigError, ConsentError, LikenessError, QuotaError
from likeness.store.s3 import Remote

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")]
SLURM = ["cloud=slurm"]


def plan(*overrides: str):
    return plan_all("jade", [overrides], need_engine=False)[0].plan


def test_the_plan_says_what_it_costs_and_what_goes_where(clone, bucket, engine, capsys):
    launch_command("jade", [], queue=False, yes=False, dry_run=True, wait=False, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [one["gpu"] for one in said["machines"]] == ["RTX4090", "L40S", "A100-80GB"]
    assert {one["usd_per_hour"] for one in said["machines"]} == {0.6}
    assert all(one["date"] and one["training_s"] is None for one in said["machines"])
    assert said["usd_max"] == pytest.approx(2 * 0.6)
    assert [one["path"] for one in said["up"][1:]] == ["models/jade/lora_training"]
    assert said["up"][1]["bytes"] == len("pixels\n")
    assert [one["path"] for one in said["down"]] == [
        "models/jade/jade-v1.safetensors", "models/jade/scores.json", "models/jade/README.md",
    ]  # fmt: skip
    assert said["controller"]["usd"] == 0.19
    assert said["changes"] == ["train.checkpoint.share=true"]
    assert not (clone.folder / ".cache" / "cloud").exists()
    assert not (engine / "jobs.json").exists()


def test_a_person_reads_the_price_its_date_and_the_most_it_can_cost(clone, bucket, engine, capsys):
    launch_command("jade", [], queue=False, yes=False, dry_run=True, wait=False, as_json=False)
    said = capsys.readouterr().out
    for words in ("runpod RTX4090: $0.60 an hour (SkyPilot's catalogue, 20", "hours unknown", "At most $1.20: 2 h in all",
                  "measures 100 steps", "Goes up, 7 bytes by s3://likeness/dvc:", "keys, sealed: LIKENESS_JOB_KEY",
                  "models/jade/lora_training (1 file, 7 bytes)", "of a budget of $5.00",
                  "SkyPilot's own controller bills (AWS m6i.xlarge, at $0.19 an hour, until 10 minutes after its last job; its "
                  "disk, until `sky down`). It is no part of the sum"):  # fmt: skip
        assert words in said
    # What a no would save stands last, above the question.
    assert said.index("Comes down:") < said.index("At most $1.20") < said.index("of a budget of")


def test_hours_are_told_where_this_card_was_measured(clone, bucket):
    from likeness.train.pace import Pace, remember

    today = datetime.datetime.now(datetime.UTC).date()
    with (clone.folder / "conf/prices.yaml").open("a") as prices:
        prices.write(f"runpod: {{RTX4090: {{usd: 0.34, per: hour, source: me, date: '{today}'}}}}\n")
    commit(clone.folder)
    (launch,) = plan_all("jade", [[]], need_engine=False)
    assert launch.plan.candidates[0].pace is None
    remember(
        launch.ground.cfg,
        launch.ground.repository,
        Pace(seconds_a_step=0.5, steps=200, device="NVIDIA GeForce RTX 4090"),
        "cuda",
    )
    again = plan()
    assert again.candidates[0].seconds(again.steps) == pytest.approx(0.5 * again.steps)
    told = "\n".join(again.common_sentences(100, 1))
    assert "measured over 200 steps on NVIDIA GeForce RTX 4090" in told
    assert "training alone: installation, evaluation and report come on top" in told


def test_the_same_training_is_not_paid_twice_at_a_time_and_another_of_the_persona_is(clone, engine, prepared):
    first = plan(*SLURM, "train.seed=99101")
    records = JobRecords(Remote((prepared.folder.parent / "store").as_uri()), first.job)
    records.announce(first.values())
    records.renew(3600)

    def dry(*overrides: str) -> None:
        launch_command(
            "jade", [*SLURM, *overrides], queue=False, yes=True, dry_run=True, wait=False, as_json=True
        )

    with pytest.raises(ConfigError, match=f"{first.job} trains the same") as caught:
        dry("train.seed=99101", "cloud.max_hours=2")
    assert f"likeness cloud stop {first.job}" in caught.value.remedy
    dry("train.seed=99102")
    records.renew(0)
    dry("train.seed=99101")


def test_a_job_that_is_over_for_the_engine_is_replaced_and_what_may_be_left_of_it_ends(
    clone, engine, prepared, monkeypatch, capsys
):
    first = plan(*SLURM, "train.seed=99103")
    records = JobRecords(Remote((prepared.folder.parent / "store").as_uri()), first.job)
    records.announce(first.values())
    records.renew(3600)
    known = {"number": 1, "name": first.job, "status": "RUNNING", "ended": False, "seconds": 9.0, "recoveries": 0,
             "machine": "slurm", "reason": "", "left": False}  # fmt: skip
    handed: list[str] = []
    monkeypatch.setattr("likeness.cli.launch.carry_out", lambda one: handed.append(one.plan.job))

    def launch(dry_run: bool = False, **changes: object) -> None:
        (engine / "jobs.json").write_text(json.dumps([known | changes]))
        words = [*SLURM, "train.seed=99103"]
        launch_command("jade", words, queue=False, yes=True, dry_run=dry_run, wait=False, as_json=True)

    with pytest.raises(ConfigError, match="trains the same"):
        launch()
    launch(dry_run=True, status="FAILED_CONTROLLER", ended=True)
    assert (records.end, handed) == (None, [])
    launch(status="FAILED_CONTROLLER", ended=True)
    assert (records.end, len(handed)) == ("stopped", 1)
    assert f"{first.job} trained the same and is over" in capsys.readouterr().err


def test_it_asks_and_a_no_sends_nothing(clone, engine, monkeypatch):
    import click
    import typer

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: (_ for _ in ()).throw(click.exceptions.Abort()))
    with pytest.raises(click.exceptions.Abort):
        launch_command("jade", SLURM, queue=False, yes=False, dry_run=False, wait=False, as_json=False)
    assert not (engine / "task.json").exists()
    assert not (clone.folder / ".cache" / "ledger" / "spending.jsonl").exists()


def test_a_launch_that_could_exceed_the_budget_is_refused(clone, bucket, engine):
    with pytest.raises(QuotaError, match="can cost"):
        launch_command(
            "jade",
            ["budget.max_usd=1.0"],
            queue=False,
            yes=True,
            dry_run=False,
            wait=False,
            as_json=False,
        )
    assert not (engine / "task.json").exists()


def test_a_machine_that_is_rented_cannot_bring_results_into_a_folder(clone, bucket, prepared):
    store = (prepared.folder.parent / "store").as_uri()
    with pytest.raises(ConfigError, match="a folder that runpod RTX4090 cannot reach"):
        plan(f"items.remote={store}")
    config = clone.folder / ".dvc" / "config"
    config.write_text(config.read_text().replace("s3://likeness/dvc", str(prepared.folder.parent / "dvc")))
    commit(clone.folder)
    with pytest.raises(ConfigError, match="the DVC remote is /") as caught:
        plan()
    assert caught.value.reason == "own-folder"


def uncommitted(folder: Path) -> None:
    (folder / "train.py").write_text("print('other')")


def stale(folder: Path) -> None:
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    lock["stages"]["dataset@jade"]["deps"][0]["md5"] = "0" * 32
    (folder / "dvc.lock").write_text(yaml.safe_dump(lock))
    commit(folder)


def no_remote(folder: Path) -> None:
    config = folder / ".dvc" / "config"
    config.write_text(config.read_text().replace("    remote = team\n", ""))
    commit(folder)


def own_remote(folder: Path) -> None:
    config = folder / ".dvc" / "config"
    (folder / ".dvc" / "config.local").write_text(config.read_text())
    config.write_text(config.read_text().partition("['remote")[0].replace("    remote = team\n", ""))
    commit(folder)


def no_lock(folder: Path) -> None:
    subprocess.run(["git", "rm", "-q", "--cached", "dvc.lock"], cwd=folder, check=True)
    commit(folder, add=False)


def revoked(folder: Path) -> None:
    record = folder / "consent" / "jade.yaml"
    record.write_text(record.read_text() + "\nrevoked: 2026-11-01\n")
    commit(folder)


def commit(folder: Path, *, add: bool = True) -> None:
    for words in (
        ["add", "-A"] if add else ["status"],
        ["-c", "user.name=t", "-c", "user.email=t@x", "commit", "-qm", "m"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "overrides", "reason"),
    [
        (uncommitted, SLURM, "not-committed"),
        (no_lock, SLURM, "not-committed"),
        (stale, SLURM, "stale-data"),
        (no_remote, SLURM, "no-dvc-remote"),
        (own_remote, SLURM, "no-dvc-remote"),
        (None, [*SLURM, "dataset.side_px=512"], "other-data"),
        (None, [*SLURM, "items.remote=null"], "no-store"),
        (None, [*SLURM, "cloud.variables=[HF_TOKEN_OF_NOBODY]"], "no-key"),
        (None, [*SLURM, "items.remote=s3://bucket/items"], "no-key"),
        (None, [*SLURM, "cloud.variables=[hf_AbCdEfGhIjKlMnOpQrStUv]"], "secret"),
    ],
)  # fmt: skip
def test_what_would_fail_on_the_machine_is_refused_here(clone, change, overrides, reason, monkeypatch):
    if reason == "no-key" and "s3" in overrides[-1]:
        monkeypatch.setattr(
            "likeness.cli.launch_plan.in_force", lambda *_, **__: None
        )  # the bucket is not there
    if change is not None:
        change(clone.folder)
    with pytest.raises(LikenessError) as caught:
        plan(*overrides)
    assert caught.value.reason == reason
    assert isinstance(caught.value, ConfigError)
    assert caught.value.remedy


def test_where_no_price_is_known_nothing_is_rented(clone, bucket):
    with pytest.raises(ConfigError, match="no machine may be rented") as caught:
        plan()
    assert caught.value.reason == "no-machine"


def test_without_consent_nothing_is_planned(clone):
    revoked(clone.folder)
    with pytest.raises(ConsentError):
        plan(*SLURM)
