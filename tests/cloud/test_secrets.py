"""Keys that are planted where a launch could pick them up, and where they must not arrive."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.cli.launch_dvc import LaunchFiles
from likeness.cloud.dead_man import DeadMan, Limits
from likeness.cloud.engine import Engine
from likeness.cloud.job import Job
from likeness.cloud.machine import secret_values, take_secrets
from likeness.cloud.parcel import Parcel, seal
from likeness.cloud.records import JobRecords, Life
from likeness.cloud.task import JOB_KEY, UNSEAL, store_settings
from likeness.errors import ConfigError, ProviderError
from likeness.http.keys import KEY_HOSTS
from likeness.store.s3 import Remote

CANARY = "canary-8d1f6c2ab47e"


def test_the_engine_has_no_key_of_a_vendor_that_rents_nothing(tmp_path, monkeypatch):
    for name in KEY_HOSTS:
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    python = tmp_path / "python"
    python.write_text(
        f"#!{sys.executable}\nimport json, os\nprint(json.dumps({{'answer': [dict(os.environ)]}}))\n"
    )
    python.chmod(0o700)
    seen = Engine(python)._ask("jobs")[0]
    keys = {name for name, value in seen.items() if CANARY in value}
    assert keys == {"RUNPOD_API_KEY", "AWS_SECRET_ACCESS_KEY"}


def test_what_is_sealed_is_opened_by_its_own_key_alone(tmp_path):
    one, key = seal({"AWS_SECRET_ACCESS_KEY": CANARY})
    _, other = seal({"AWS_SECRET_ACCESS_KEY": CANARY})
    assert CANARY.encode() not in one
    for place, opens in ((one, other), (one[:-9], key), (b"", key), (None, key), (one, "no key")):
        (tmp_path / "sealed").unlink(missing_ok=True)
        if place is not None:
            (tmp_path / "sealed").write_bytes(place)
        with pytest.raises(ConfigError, match="cannot be opened"):
            take_secrets(tmp_path, {UNSEAL: opens})


def test_an_address_of_the_bucket_with_a_key_in_it_is_not_written_down():
    plain = {"AWS_REGION": "eu", "AWS_ENDPOINT_URL": "https://s3.example.org"}
    assert store_settings(plain | {"PATH": "/bin"}) == plain
    with pytest.raises(ConfigError) as caught:
        store_settings({"AWS_ENDPOINT_URL_S3": f"https://me:{CANARY}@s3.example.org"})
    assert caught.value.reason == "secret"
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("secret_access_key", CANARY),
        pytest.param("url", f"ssh://me:{CANARY}@example.org/dvc", marks=pytest.mark.slow),
    ],
)
def test_a_key_that_is_committed_with_the_dvc_remote_does_not_go_up(tmp_path, monkeypatch, option, value):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"],
                    [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "team", "s3://team/dvc"],
                    [sys.executable, "-m", "dvc", "remote", "modify", "team", option, value],
                    [*git, "commit", "-qam", "x"]):  # fmt: skip
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr("likeness.cli.launch_dvc.STAGES", ())
    with pytest.raises(ConfigError) as caught:
        LaunchFiles(tmp_path, "jade").remote()
    assert caught.value.reason == "secret"
    assert option in str(caught.value)
    assert CANARY not in str(caught.value)


def test_what_a_failing_program_prints_of_its_environment_is_shown_and_kept_without_keys(tmp_path, capfd):
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN")
    sealed, key = seal({name: f"{CANARY}-{name}" for name in names} | {JOB_KEY: f"{CANARY}-job"})
    (tmp_path / "sealed").write_bytes(sealed)
    environment = {UNSEAL: key}
    assert take_secrets(tmp_path, environment)
    assert environment.keys() == {"HF_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "LIKENESS_HOME"}
    assert (tmp_path / "home" / "team-key").read_text() == f"{CANARY}-job\n"
    # Started anew, and what was sealed is gone.
    assert not (tmp_path / "sealed").exists()
    assert not take_secrets(tmp_path, environment)
    hidden = secret_values(tmp_path / "home", environment, ["HF_TOKEN", "NOT_SET"])
    records = JobRecords(Remote((tmp_path / "store").as_uri()), "likeness-jade-1")
    records.begin(Life(machine="slurm", began="x", seconds=0.0, usd_per_hour=0.0))
    timer = DeadMan(
        Limits(max_s=600, silence_s=600, lease_s=600, probe_steps=9), spent_s=0, clock=lambda: 0.0
    )
    parcel = Parcel(job=records.job, persona="jade", experiment=records.job, pull=[], store="", max_s=0, silence_s=0, lease_s=0,
                    probe_steps=0, machines=[])  # fmt: skip
    dump = tmp_path / "dump"
    dump.write_text(json.dumps({"home": (Path(tmp_path) / "home" / "aws").read_text(), **environment}))
    job = Job(parcel=parcel, records=records, timer=timer, tick_s=0.01, hidden=hidden)
    with pytest.raises(ProviderError) as caught:
        job.run(sys.executable, "-c", f"print(open({str(dump)!r}).read()); raise SystemExit(3)")
    said = f"{capfd.readouterr()}{caught.value}"
    assert "HF_TOKEN" in said
    assert CANARY not in said
