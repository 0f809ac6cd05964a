"""A lost machine, with a real SkyPilot on a real Slurm on this machine (tools/sky_loopback.py) and a real training.

`make sky`, and `apt-get install munge slurmctld slurmd slurm-client openssh-server rsync`; `-s` shows how long each wait was.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from likeness.cloud.records import JobRecords
from likeness.store.s3 import Remote
from tools.repository_clone import SHORT, RepositoryClone, clone_repository
from tools.sky_loopback import PYTHON, SkyLoopback
from tools.slurm_loopback import missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PYTHON.is_file(), reason="no SkyPilot: `make sky`"),
    pytest.mark.skipif(
        bool(missing()) or shutil.which("rsync") is None, reason=f"not installed: {missing() or 'rsync'}"
    ),
]
WEIGHTS = "models/jade/jade-v1.safetensors"
STEPS, EVERY = 120, 10
SETTINGS = [
    *(one for one in SHORT if not one.startswith(("train.schedule.steps", "train.checkpoint"))),
    f"train.schedule.steps={STEPS}", f"train.checkpoint.every_steps={EVERY}",
    f"train.checkpoint.weights_every_steps={STEPS // 2}",
]  # fmt: skip
PATIENCE_S = 600.0


@pytest.fixture
def clone(tmp_path: Path) -> RepositoryClone:
    """A clone with its dataset, a DVC remote and a store beside it."""
    folder = tmp_path / "clone"
    folder.mkdir()
    made = clone_repository(folder)
    items = folder / "conf" / "items" / "local.yaml"
    text = items.read_text()
    assert "remote: null" in text
    items.write_text(text.replace("remote: null", f"remote: {(tmp_path / 'store').as_uri()}"))
    (tmp_path / "dvc").mkdir()
    made.dvc("remote", "add", "--default", "team", str(tmp_path / "dvc"))
    made.params()
    made.dvc("repro", "dataset@jade")
    made.run("git", "add", "-A")
    made.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "data")
    return made


def train_unbroken(folder: Path) -> str:
    """The weights' sha256 where nothing is lost."""
    clone = RepositoryClone(folder)
    clone.run(sys.executable, "-m", "likeness", "params", *SETTINGS, "items.remote=null")
    clone.repro("train@jade")
    return clone.sha256(WEIGHTS)


def until(what: str, there: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not there():
        assert time.monotonic() < began + PATIENCE_S, f"{what}: not within {PATIENCE_S:.0f} s"
        time.sleep(0.5)
    print(f"{what}: after {time.monotonic() - began:.0f} s", flush=True)


def test_a_node_that_is_lost_in_mid_training_is_replaced_and_the_weights_are_those_of_an_unbroken_run(
    clone, tmp_path
):
    store = Remote((tmp_path / "store").as_uri())
    shutil.copytree(clone.folder, tmp_path / "unbroken")
    with ThreadPoolExecutor() as beside, SkyLoopback(tmp_path / "slurm") as cluster:
        # While SkyPilot waits for its machines.
        unbroken = beside.submit(train_unbroken, tmp_path / "unbroken")
        own = {name: value for name, value in cluster.env.items() if os.environ.get(name) != value}
        clone.env |= own | {"PATH": clone.env["PATH"]}
        sets = [word for one in SETTINGS for word in ("-S", one)]
        clone.run(sys.executable, "-m", "likeness", "launch", "jade", "--yes", "-S", "cloud=slurm",
                  "-S", f"cloud.python={sys.executable}", *sets)  # fmt: skip
        (job,) = (tmp_path / "store" / "cloud").iterdir()
        records = JobRecords(store, job.name)

        def shared() -> bool:
            return len(list((tmp_path / "store" / "training").glob("*/[01]"))) == 2

        until("two shared checkpoints", shared)
        (node,) = cluster.slurm.busy()
        cluster.slurm.lose_node(node)
        until("a second machine", lambda: len(records.lives()) == 2)
        assert cluster.slurm.busy() != [node]
        until("its end", lambda: bool(records.lives()[-1].end))
        first, second = records.lives()
        assert (first.end, second.end, second.step) == ("", "done", STEPS)

        def status() -> dict:
            said = clone.run(
                sys.executable, "-m", "likeness", "cloud", "status", "--json", check=False
            ).stdout
            return json.loads(said)["jobs"][0]

        until("the engine's word", lambda: status()["ended"])
        assert status()["status"] == "SUCCEEDED"
        until("an empty cluster", lambda: cluster.slurm.busy() == [])
        clone.run(sys.executable, "-m", "likeness", "cloud", "fetch", job.name)
    clone.dvc("exp", "apply", job.name, check=False)
    clone.dvc("pull", "train@jade")
    assert clone.sha256(WEIGHTS) == unbroken.result()
