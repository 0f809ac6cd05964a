"""A clone that can be launched on tools/sky_loopback.py: with its dataset, a DVC remote and a store beside it."""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from likeness.cloud.records import JobRecords, job_names
from likeness.digests import sha256_file
from likeness.store.s3 import Remote
from likeness.strict_yaml import parse_yaml
from tools.repository_clone import SHORT, RepositoryClone, clone_repository
from tools.sky_loopback import SkyLoopback

WEIGHTS = "models/jade/jade-v1.safetensors"
PATIENCE_S = 1800.0


def training(steps: int, every: int) -> list[str]:
    """Settings of a training of so many steps, with a checkpoint `every` so many."""
    return [
        *(one for one in SHORT if not one.startswith(("train.schedule", "train.checkpoint"))),
        f"train.schedule.steps={steps}",
        "train.schedule.warmup_steps=2",
        f"train.checkpoint.every_steps={every}",
        f"train.checkpoint.weights_every_steps={steps // 2}",
    ]


def until(what: str, there: Callable[[], bool], *, every_s: float = 0.5, told: bool = True) -> None:
    """Wait, and print how long it took."""
    began = time.monotonic()
    while not there():
        assert time.monotonic() < began + PATIENCE_S, f"{what}: not within {PATIENCE_S:.0f} s"
        time.sleep(every_s)
    if told:
        print(f"{what}: after {time.monotonic() - began:.0f} s", flush=True)


class SkyClone:
    """`folder` has the clone, the DVC remote, the store and a copy for the unbroken training."""

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        self.folder, self.settings = folder, settings
        self.store = Remote((folder / "store").as_uri())
        (folder / "clone").mkdir()
        self.clone = clone_repository(folder / "clone")
        items = self.clone.folder / "conf" / "items" / "local.yaml"
        text = items.read_text()
        assert "remote: null" in text
        items.write_text(text.replace("remote: null", f"remote: {self.store.url}"))
        (folder / "dvc").mkdir()
        self.clone.dvc("remote", "add", "--default", "team", str(folder / "dvc"))
        self.clone.params()
        self.clone.dvc("repro", "dataset@jade")
        self.clone.run("git", "add", "-A")
        self.clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "data")
        shutil.copytree(self.clone.folder, folder / "unbroken")

    def train_unbroken(self) -> str:
        """The weights' sha256 where nothing is lost."""
        clone = RepositoryClone(self.folder / "unbroken")
        clone.run(sys.executable, "-m", "likeness", "params", *self.settings, "items.remote=null")
        clone.repro("train@jade")
        return clone.sha256(WEIGHTS)

    def launch(self, cluster: SkyLoopback) -> JobRecords:
        """Launch the training as a user of the cluster."""
        own = {name: value for name, value in cluster.env.items() if os.environ.get(name) != value}
        self.clone.env |= own | {"PATH": self.clone.env["PATH"]}
        before = set(job_names(self.store))
        sets = [word for one in self.settings for word in ("-S", one)]
        self._likeness(
            "launch", "jade", "--yes", "-S", "cloud=slurm", "-S", f"cloud.python={sys.executable}", *sets
        )
        (job,) = set(job_names(self.store)) - before
        return JobRecords(self.store, job)

    def shared(self) -> int:
        """How many checkpoints lie in the store; two at most are kept."""
        return len(list((self.folder / "store" / "training").glob("*/[01]")))

    def status(self, job: str) -> dict[str, Any]:
        """What `likeness cloud status` says of a job."""
        jobs = json.loads(self._likeness("cloud", "status", "--json", check=False))["jobs"]
        return next(one for one in jobs if one["name"] == job)

    def bring_home(self, job: str) -> str:
        """Fetch, apply and pull the results; returns the weights' sha256."""
        self._likeness("cloud", "fetch", job)
        self.clone.dvc("exp", "apply", job, check=False)  # its files are not here yet, and DVC says so
        self.clone.dvc("pull", "train@jade")
        return self.clone.sha256(WEIGHTS)

    def fetched(self, job: str) -> str:
        """Fetch the results, and leave the clone as it is; returns the weights' sha256."""
        self._likeness("cloud", "fetch", job)
        names = self.clone.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/").stdout.split()
        (experiment,) = (one for one in names if one.endswith(f"/{job}"))
        lock = parse_yaml(self.clone.run("git", "show", f"{experiment}:dvc.lock").stdout)
        (md5,) = (one["md5"] for one in lock["stages"]["train@jade"]["outs"] if one["path"] == WEIGHTS)
        return sha256_file(self.folder / "dvc" / "files" / "md5" / md5[:2] / md5[2:])

    def resumed(self, job: str) -> int:
        """The step from which the job's last machine went on."""
        found = re.search(r"\((\d+) resumed", self._likeness("cloud", "logs", job))
        return int(found[1]) if found else 0

    def stop_all(self) -> None:
        """End every job that has not ended."""
        for job in job_names(self.store):
            if JobRecords(self.store, job).end is None:
                self._likeness("cloud", "stop", job, check=False)

    def forget_training(self) -> None:
        """Let the next job of the same training begin anew."""
        shutil.rmtree(self.folder / "store" / "training", ignore_errors=True)

    def _likeness(self, *words: str, check: bool = True) -> str:
        return self.clone.run(sys.executable, "-m", "likeness", *words, check=check).stdout
