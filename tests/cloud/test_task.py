"""The task that SkyPilot gets, and that no key is in it."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from conf_sections import section

from likeness.cloud import CloudConfig, Machine
from likeness.cloud.engine import Engine
from likeness.cloud.task import UNSEAL, job_name, setup, task

CHOICES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "cloud").glob("[a-z]*.yaml"))
# The fields of SkyPilot 0.14.1's schema that we use, with their types.
RESOURCE_FIELDS = {
    "infra": str,
    "accelerators": str,
    "use_spot": bool,
    "disk_size": int,
    "max_hourly_cost": float,
}
TASK_FIELDS = {
    "name": str,
    "workdir": str,
    "resources": dict,
    "envs": dict,
    "secrets": dict,
    "setup": str,
    "run": str,
}


def written(choice: str, parcel: Path = Path("/parcel")):
    cloud = CloudConfig.model_validate(section(f"cloud/{choice}.yaml"))
    return task("likeness-jade-1", cloud, cloud.machines, parcel, settings={"AWS_REGION": "x"})


@pytest.mark.parametrize("choice", CHOICES)
def test_it_has_fields_that_the_engine_knows(choice, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    found = written(choice)
    assert {name: type(value) for name, value in found.items()} == TASK_FIELDS
    assert set(found["resources"]) == {"any_of", "job_recovery"}
    for machine in found["resources"]["any_of"]:
        assert all(isinstance(value, RESOURCE_FIELDS[name]) for name, value in machine.items())
    assert found["resources"]["job_recovery"]["max_restarts_on_errors"] == 0
    assert found["secrets"] == {UNSEAL: None}
    assert "canary" not in str(found)


def test_nothing_that_is_installed_gets_a_secret():
    script = written("runpod")["setup"]
    assert script.index(f"unset {UNSEAL}") < script.index("git clone")
    assert "make --directory likeness install" in script


def test_an_installation_that_hangs_ends_at_the_cap(tmp_path):
    found = setup(install=True, within_s=7200.0)
    assert "timeout --kill-after=60 7200 bash -e" in found
    # The steps are those that stand there, with their quotes and dollars; one that fails ends the setup with its status.
    for name, text in (("git", "echo git >> ../said"), ("timeout", 'echo "$2" >> ../said; shift 2; exec "$@"'),
                       ("uv", "exit 0"), ("make", 'echo "$PIP_CONSTRAINT" >> ../said; exit 7')):  # fmt: skip
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o700)
    (work := tmp_path / "work").mkdir()
    there = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path), UNSEAL: "secret"}
    done = subprocess.run(["bash", "-c", found], cwd=work, env=there, check=False)
    assert done.returncode == 7
    assert (tmp_path / "said").read_text().split() == ["7200", "git", str(work / "constraints.txt")]


@pytest.mark.parametrize(
    ("persona", "begins"), [("jade", "likeness-jade-"), ("margaret_of_york", "likeness-margare-"), ("anna_b_c", "likeness-anna-b-")]
)  # fmt: skip
def test_a_name_is_short_enough_that_skypilot_keeps_it(persona, begins):
    one, other = job_name(persona), job_name(persona)
    assert one.startswith(begins)
    assert len(one) <= 25
    assert one != other


def test_where_likeness_is_installed_nothing_is():
    found = written("slurm")
    assert "install" not in found["setup"]
    assert "exec /opt/likeness/.venv/bin/python -m likeness.cloud.job" in found["run"]


def test_a_machine_that_is_taken_for_lost_keeps_its_folder_beside_that_of_its_heir(tmp_path):
    found, git = written("slurm"), ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", "source"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path / "source", check=True)
    subprocess.run(["git", "clone", "-q", "--bare", "source", "revision.git"], cwd=tmp_path, check=True)
    where = found["run"].partition("\n")[0] + " && pwd"

    def machine() -> Path:
        said = subprocess.check_output(["bash", "-c", f"{found['setup']}{where}"], cwd=tmp_path, text=True)
        return Path(said.strip())

    lost = machine()
    (lost / "lock").touch()
    assert not (machine() / "lock").exists()
    assert (lost / "lock").exists()


@pytest.fixture
def sky(tmp_path, monkeypatch) -> Engine:
    """The real SkyPilot, where LIKENESS_SKY names it, with a catalogue of three lines: the network has the whole one."""
    python = os.environ.get("LIKENESS_SKY")
    if python is None:
        pytest.skip("LIKENESS_SKY names no Python with SkyPilot (`make sky`)")
    monkeypatch.setenv("HOME", str(tmp_path))
    catalogue = tmp_path / ".sky" / "catalogs" / "v8" / "runpod" / "vms.csv"
    catalogue.parent.mkdir(parents=True)
    head = "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Region,SpotPrice,Price,AvailabilityZone,GpuInfo\n"
    lines = [
        f"1x_{gpu}_SECURE,{gpu},1.0,8.0,60.0,{region},{usd},{usd},,\"{{'Gpus': [{{'MemoryInfo': {{'SizeInMiB': 24}}}}]}}\"\n"
        for gpu, region, usd in (("RTX4090", "US", 0.6), ("RTX4090", "SE", 0.69), ("L40S", "US", 1.4))
    ]
    catalogue.write_text(head + "".join(lines))
    return Engine(Path(python))


@pytest.mark.slow
def test_skypilot_itself_reads_the_task_and_tells_prices_with_their_day(sky, tmp_path):
    cloud = CloudConfig.model_validate(section("cloud/runpod.yaml"))
    sky.check(written("runpod", tmp_path))
    offers, unread = sky.offers(cloud.machines)
    assert not unread
    assert sorted((one.region, one.usd) for one in offers["runpod RTX4090"]) == [("SE", 0.69), ("US", 0.6)]
    assert offers["runpod RTX4090"][0].date.year >= 2026
    assert not offers["runpod A100-80GB"]


@pytest.mark.slow
def test_the_line_of_the_page_lays_runpods_key_where_skypilot_reads_it(sky, tmp_path):
    programs = Path(os.environ["LIKENESS_SKY"]).parent
    subprocess.run(
        [programs / "runpod", "config"], input="rpa_key\n", text=True, check=True, capture_output=True
    )
    assert 'api_key = "rpa_key"' in (tmp_path / ".runpod" / "config.toml").read_text()
    checks = subprocess.run([programs / "sky", "check", "--help"], text=True, check=True, capture_output=True)
    assert "[INFRA_LIST]" in checks.stdout


@pytest.mark.slow
def test_skypilot_itself_tells_what_its_controller_takes(sky, tmp_path):
    cloud = CloudConfig.model_validate(section("cloud/runpod.yaml"))
    found = sky.controller(cloud.machines)
    assert found is not None
    # The smallest with four processors in that catalogue; RunPod cannot stop a machine, and SkyPilot lets its own be.
    assert (found.machine, found.usd, found.idle_minutes, found.goes) == (
        "RunPod 1x_RTX4090_SECURE",
        0.6,
        None,
        False,
    )
    assert "until `sky down` ends it" in found.words
    (tmp_path / ".sky" / "config.yaml").write_text(
        "jobs: {controller: {resources: {autostop: {idle_minutes: 5, down: true}}}}"
    )
    assert sky.controller(cloud.machines) == replace(found, idle_minutes=5, goes=True)
    assert sky.controller([Machine(infra="slurm", own=True)]) is None
