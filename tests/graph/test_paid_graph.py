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
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fakes.faults import mixture
from fakes.s3 import SECRET_KEY, S3Server
from fakes.server import FakeServers
from likeness.pipeline.manifest import read_manifest
from likeness.purchases.budget import entries
from tools.repository_clone import PATIENCE_S, RepositoryClone, clone_repository

pytestmark = pytest.mark.slow

ZIP = "models/jade/jade_lora_dataset.zip"
KILLS = 10
PLANTED = {"MAXSTUDIO_API_KEY": "planted-maxstudio-key-7Qx", "XAI_API_KEY": "planted-xai-key-9Lm"}
# The fake lays the face over the target's: what the gates take for a swap, and no minutes of drawing.
ECHO = {
    "swap": "paste",
    "swap_s": 0.3,
    "enhance_s": 0.3,
    "keys": {"maxstudio": PLANTED["MAXSTUDIO_API_KEY"], "xai": PLANTED["XAI_API_KEY"]},
}
# 5 of her photographs in front of the camera x 5 targets, and her own 6: about the mission's 32 images.
SOURCES = tuple(f"jade_0{n}.{'png' if n == 8 else 'jpg'}" for n in range(1, 9))
TARGETS = ("01_hana.jpg", "02_clara.jpg", "04_adaeze.jpg", "06_ingrid.jpg", "08_greta.jpg")
ALL_PAIRS = (
    "swap.pairs=all", "swap.limits.max_yaw_difference_deg=180", "swap.limits.max_pitch_difference_deg=180",
    "swap.limits.max_mouth_difference=9", "swap.limits.max_bridge_line=9", "swap.max_failure_ratio=1",
    "resize.side_px=448", "dataset.side_px=896", "budget.max_usd=100",
)  # fmt: skip


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    with S3Server(tmp_path / "s3") as server:
        yield server


def outfit(
    clone: RepositoryClone, services: FakeServers, s3: S3Server, name: str, *overrides: str
) -> RepositoryClone:
    """Point a clone at the fake servers and at a bucket."""
    clone.env |= {**s3.environment(), **services.environment(), "OMP_NUM_THREADS": "1"}
    clone.params(
        "+experiment=fakes", *ALL_PAIRS, f"swap.provider.base_url={services.maxstudio_url}",
        f"swap.provider.inputs_url=s3://{name}/inputs", f"enhance.provider.base_url={services.maxstudio_url}",
        f"caption.provider.base_url={services.xai_url}",
        *(f"{stage}.provider.limits.in_flight=4" for stage in ("swap", "enhance", "caption")), *overrides,
    )  # fmt: skip
    return clone


def new_clone(folder: Path, *, small: bool = False) -> RepositoryClone:
    folder.mkdir()
    return clone_repository(folder) if small else clone_repository(folder, SOURCES, TARGETS)


def bills(services: FakeServers) -> Counter[str]:
    return Counter(purchase.what for purchase in services.purchases())


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


def test_a_fifth_of_everything_fails_and_all_that_can_be_finished_is(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        patient = [f"{stage}.provider.limits.read_s=1.5" for stage in ("swap", "enhance", "caption")]
        patient += [f"{stage}.provider.job_limit_s=3" for stage in ("swap", "enhance")]
        clone = outfit(new_clone(tmp_path / "clone"), services, bucket, bucket.new_bucket(), *patient)
        clone.repro("ingest@jade")
        services.set_faults(mixture(0.2, drip={"every_s": 0.2}))
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
        assert len(captions.entries) >= 26
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


def test_the_keys_are_nowhere_in_what_a_run_leaves_behind(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        clone = outfit(new_clone(tmp_path / "clone", small=True), services, bucket, bucket.new_bucket())
        said = clone.dvc("repro")
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
        found = [
            (path, secret)
            for path in [*clone.folder.rglob("*"), *bucket.folder.rglob("*")]
            if path.is_file() and not path.is_symlink()
            if clone.folder / "fakes" not in path.parents  # the fake S3's own secret stands in its source
            for secret in secrets
            if secret.encode() in path.read_bytes()
        ]
        assert found == []
        assert not [secret for secret in secrets if secret in said]
        assert (clone.folder / "mlflow.db").is_file(), "the run was to be tracked"


def test_a_second_machine_with_the_teams_bucket_pays_nothing(tmp_path, bucket):
    with FakeServers(**ECHO) as services:
        name, team = bucket.new_bucket(), f"items.remote=s3://{bucket.new_bucket()}/items"
        first = outfit(new_clone(tmp_path / "first", small=True), services, bucket, name, team)
        first.dvc("repro", "dataset@jade")
        # 9 swaps, 12 captions, and enhancements of those that lack pixels.
        assert bills(services).keys() == {"maxstudio.swap", "maxstudio.enhance", "xai.responses"}
        assert sum(bills(services).values()) > 20
        services.reset()
        second = outfit(new_clone(tmp_path / "second", small=True), services, bucket, name, team)
        for key in services.environment():
            second.env.pop(key)
        second.dvc("repro", "dataset@jade")
        assert services.counts() == {}, "not even a question was asked"
        assert second.sha256(ZIP) == first.sha256(ZIP)
        assert not (second.folder / ".cache/ledger/spending.jsonl").exists()

        second.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
        third = second.run("python", "-m", "stages.swap", "jade", check=False)
        assert third.returncode == 1
        assert "AWS_SECRET_ACCESS_KEY" in third.stderr
        assert services.counts() == {}


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
