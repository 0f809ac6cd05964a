"""The production graph - MaxStudio, Grok, S3 - against fake servers: everything is bought once, whatever happens."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paid_clones import ECHO, PLANTED, bills, new_clone, outfit
from PIL import Image

from fakes.faults import mixture
from fakes.s3 import SECRET_KEY, S3Server
from fakes.server import FakeServers
from likeness.pipeline.manifest import read_manifest
from likeness.purchases.budget import entries
from tools.repository_clone import PATIENCE_S, RepositoryClone

pytestmark = pytest.mark.slow

ZIP = "models/jade/jade_lora_dataset.zip"
KILLS = 10


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    with S3Server(tmp_path / "s3") as server:
        yield server


@dataclass(frozen=True)
class Paid:
    """A clone whose whole graph ran with the team's items, what it printed, and what was bought for it."""

    services: FakeServers
    bucket: S3Server
    name: str
    team: str
    clone: RepositoryClone
    said: str
    bills: Counter[str]


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paid]:
    folder = tmp_path_factory.mktemp("paid")
    with FakeServers(**ECHO) as services, S3Server(folder / "s3") as bucket:
        name, team = bucket.new_bucket(), f"items.remote=s3://{bucket.new_bucket()}/items"
        # What is bought is bought before training: that it leaves its traces is enough here.
        steps = (
            "train.schedule.steps=2",
            "train.schedule.warmup_steps=0",
            "train.checkpoint.weights_every_steps=null",
        )
        clone = outfit(new_clone(folder / "clone", small=True), services, bucket, name, team, *steps)
        said = clone.dvc("repro")
        yield Paid(services, bucket, name, team, clone, said, bills(services))


def bought_twice(services: FakeServers) -> list[dict[str, Any]]:
    """All bookings of what was bought more than once: a failure then tells what became of each."""
    bookings = services.bookings()
    counted = Counter((one["what"], one["digest"]) for one in bookings)
    return [one for one in bookings if counted[one["what"], one["digest"]] > 1]


def repro_and_kill(clone: RepositoryClone, services: FakeServers, purchases: int, then_s: float) -> None:
    """Start `dvc repro` and kill -9 its whole process group some time after so many more purchases."""
    enough = len(services.purchases()) + purchases
    started = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "dataset@jade"], cwd=clone.folder, env=clone.env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while len(services.purchases()) < enough:
        assert started.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)  # polling another process
    time.sleep(then_s)  # so that the kills fall anywhere between two purchases
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


@pytest.mark.long  # tests/graph/test_foreign_provider.py kills a paid run once
def test_killed_ten_times_everything_is_bought_once_and_the_dataset_is_the_same(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        whole = outfit(new_clone(tmp_path / "whole"), services, bucket, bucket.new_bucket())
        whole.dvc("repro", "dataset@jade")
        entries_ = read_manifest(whole.folder / "data/jade/captions").entries
        expected = bills(services)
        assert expected["maxstudio.swap"] >= 20
        assert len(entries_) >= 26
        assert expected["xai.responses"] == len(entries_)
        # Some photographs fill twice the training size themselves: nobody pays for those.
        enlarged = Counter(
            entry.provider for entry in read_manifest(whole.folder / "data/jade/enhanced").entries
        )
        assert expected["maxstudio.enhance"] == enlarged["maxstudio"] > 5
        assert enlarged["none"] > 5
        services.reset()

        broken = outfit(new_clone(tmp_path / "broken"), services, bucket, bucket.new_bucket())
        broken.repro("ingest@jade")
        luck = random.Random(5)
        for _ in range(KILLS):
            repro_and_kill(broken, services, purchases=luck.randint(1, 4), then_s=luck.uniform(0, 0.3))
        broken.dvc("repro", "dataset@jade")
        assert bought_twice(services) == []
        assert bills(services) == expected
        assert broken.sha256(ZIP) == whole.sha256(ZIP)
        ledger = list(entries((broken.folder / ".cache/ledger/spending.jsonl").read_bytes()))
        asked = {line["id"] for line in ledger if line["state"] == "asked"}
        ended = {line["id"] for line in ledger if line["state"] != "asked"}
        paid = Counter(line["id"] for line in ledger if line["state"] == "paid")
        assert ended <= asked
        assert max(paid.values()) == 1


def test_a_third_of_everything_fails_and_all_that_can_be_finished_is(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        patient = [f"{stage}.provider.limits.read_s=1.5" for stage in ("swap", "enhance", "caption")]
        patient += [f"{stage}.provider.job_limit_s=3" for stage in ("swap", "enhance")]
        patient += [f"{stage}.provider.limits.in_flight=8" for stage in ("swap", "enhance", "caption")]
        clone = new_clone(tmp_path / "clone", small=True)
        outfit(clone, services, bucket, bucket.new_bucket(), *patient)
        clone.repro("ingest@jade")
        services.set_faults(mixture(1 / 3, drip={"every_s": 0.2}))
        for _ in range(8):
            said = clone.run(sys.executable, "-m", "dvc", "repro", "dataset@jade", check=False)
            assert not partial_files(clone)
            if said.returncode == 0:
                break
            words = said.stdout + said.stderr
            assert "are not finished" in words
            assert "run `dvc repro` again" in words
        struck = services.faults_applied()
        assert said.returncode == 0, said.stderr[-3000:]
        assert len({kind for kinds in struck.values() for kind in kinds}) >= 12, "hardly a fault struck"

        captions = read_manifest(clone.folder / "data/jade/captions")
        assert len(captions.entries) >= 10
        assert captions.failures == ()
        ledger = list(entries((clone.folder / ".cache/ledger/spending.jsonl").read_bytes()))
        last = {line["id"]: line for line in ledger}
        in_doubt = [line for line in last.values() if line["state"] == "asked"]
        # Every bill of the fake is in the ledger: paid, or in doubt with the most it can be.
        assert sum(bills(services).values()) <= len(
            [line for line in last.values() if line["state"] != "void"]
        )
        assert in_doubt, "a dropped answer must stay in doubt"
        assert all(line["item"] and line["usd"] >= 0 for line in in_doubt)


def partial_files(clone: RepositoryClone) -> list[Path]:
    """Temporary files that nobody removed, and pictures that do not open."""
    left = [
        path
        for folder in ("data", "models", ".cache/items")
        for path in (clone.folder / folder).rglob("*.tmp")
    ]
    for path in [*(clone.folder / "data").rglob("*.png"), *(clone.folder / "data").rglob("*.jpg")]:
        if "raw" in path.parts:
            continue
        try:
            with Image.open(path) as image:
                image.load()
        except OSError:
            left.append(path)
    return left


@pytest.mark.xdist_group("paid")
def test_a_second_machine_with_the_teams_bucket_pays_nothing(tmp_path, paid):
    services = paid.services
    # 9 swaps, 12 captions, and enhancements of those that lack pixels.
    assert paid.bills.keys() == {"maxstudio.swap", "maxstudio.enhance", "xai.responses"}
    assert sum(paid.bills.values()) > 20
    services.reset()
    second = outfit(new_clone(tmp_path / "second", small=True), services, paid.bucket, paid.name, paid.team)
    for key in services.environment():
        second.env.pop(key)
    second.dvc("repro", "dataset@jade")
    assert services.counts() == {}, "not even a question was asked"
    assert second.sha256(ZIP) == paid.clone.sha256(ZIP)
    assert not (second.folder / ".cache/ledger/spending.jsonl").exists()

    second.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
    third = second.run("python", "-m", "stages.swap", "jade", check=False)
    assert third.returncode == 1
    assert "AWS_SECRET_ACCESS_KEY" in third.stderr
    assert services.counts() == {}


@pytest.mark.xdist_group("paid")
def test_the_keys_are_nowhere_in_what_a_run_leaves_behind(paid):
    clone, said = paid.clone, paid.said
    outfit(clone, paid.services, paid.bucket, paid.name)  # without the team's items: what follows has to buy
    for wrong in ("MAXSTUDIO_API_KEY", "XAI_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        broken = RepositoryClone(clone.folder)
        broken.env = {**clone.env, wrong: f"planted-wrong-{wrong}"}
        shutil.rmtree(clone.folder / ".cache/items", ignore_errors=True)
        stage = {"M": "swap", "X": "caption", "A": "swap"}[wrong[0]]
        done = broken.run("python", "-m", f"stages.{stage}", "jade", check=False)
        assert done.returncode == 1
        assert "remedy" in done.stderr
        said += done.stdout + done.stderr
    secrets = [*PLANTED.values(), SECRET_KEY, "planted-wrong-"]
    # It says the fake S3's secret, and git keeps it as it is.
    source = (clone.folder / "fakes/s3.py").read_bytes()
    found = [
        (path, secret)
        for path in [*clone.folder.rglob("*"), *paid.bucket.folder.rglob("*")]
        if path.is_file() and not path.is_symlink()
        for secret in secrets
        if secret.encode() in path.read_bytes().replace(source, b"")
    ]
    assert found == []
    assert not [secret for secret in secrets if secret in said]
    assert (clone.folder / "mlflow.db").is_file(), "the run was to be tracked"


@pytest.mark.long  # tests/graph/test_foreign_provider.py has a budget that stops a paid run, too
def test_over_the_budget_a_run_stops_and_goes_on_when_it_is_raised(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        name = bucket.new_bucket()
        clone = outfit(
            new_clone(tmp_path / "clone", small=True), services, bucket, name, "budget.max_usd=0.75"
        )
        said = clone.dvc("repro", "dataset@jade", check=False)
        assert "budget" in said
        assert "likeness plan" in said
        assert bills(services) == {"maxstudio.swap": 7}
        outfit(clone, services, bucket, name, "budget.max_usd=100")
        said = clone.dvc("repro", "dataset@jade")
        assert bought_twice(services) == [], said[-4000:]
