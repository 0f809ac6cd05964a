"""A clone with a team's store, and a job whose machine has brought back an experiment."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from consent_clone import commit, git

from likeness.cli.cloud_fetch import fetch, fetch_command
from likeness.cli.cloud_jobs import Cloud
from likeness.cloud.records import JobRecords
from likeness.key_files import settings_folder
from likeness.paths import RepositoryPaths
from likeness.store.s3 import Remote
from likeness.team_keys import TeamKeys

JOB, NAME = "likeness-mia-1", "bold-name"


class World:
    """A clone, its team's store, and a job whose machine has brought back an experiment."""

    def __init__(self, root: Path, store: Remote, home: Path) -> None:
        self.root, self.store, self.home = root, store, home
        self.records = JobRecords(store, JOB)
        self.key = TeamKeys("any", home / "machine")
        self.revision = git(root, "rev-parse", "HEAD").strip()
        self.launch = {
            "job": JOB, "persona": "mia", "experiment": NAME, "queued": None, "revision": self.revision, "usd_max": 1.5,
        }  # fmt: skip
        self.records.announce(self.launch, job_key=self.key.public)

    def at(self, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LIKENESS_HOME", str(self.home / home))

    def experiment(
        self, change: Callable[[Path], None], *, refs: tuple[str, ...] = (f"refs/exps/ab/cd/{NAME}",)
    ) -> bytes:
        """The bundle of a commit with this change."""
        git(self.root, "checkout", "-q", "--detach")
        change(self.root)
        commit(self.root)
        for ref in refs:
            git(self.root, "update-ref", ref, "HEAD")
        git(self.root, "bundle", "create", "-q", str(self.home / "bundle"), *refs, f"^{self.revision}")
        for ref in refs:
            git(self.root, "update-ref", "-d", ref)
        git(self.root, "checkout", "-q", "-f", "-")
        git(self.root, "reflog", "expire", "--expire=now", "--all")
        git(self.root, "gc", "-q", "--prune=now")
        return (self.home / "bundle").read_bytes()

    def bring(
        self, bundle: bytes, runs: bytes | None, monkeypatch: pytest.MonkeyPatch, home: str = "machine"
    ) -> None:
        """As the machine does."""
        self.at(home, monkeypatch)
        self.records.sign_results(bundle, runs)
        self.store.write(self.records.results, bundle)
        if runs is not None:
            self.store.write(self.records.runs, runs)
        self.at("mine", monkeypatch)

    def cloud(self, *personas: str) -> Cloud:
        """As settings of these people say."""
        cfg: Any = SimpleNamespace(personas=personas or ("mia",), tracking=SimpleNamespace(enabled=False))
        return Cloud(cfg=cfg, repository=RepositoryPaths(self.root), store=self.store, engine=None)

    def fetch(self, *personas: str) -> str:
        return fetch(self.cloud(*personas), JOB)

    def fetch_all(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Cloud, "here", self.cloud)
            fetch_command(every=True)

    @property
    def experiments(self) -> list[str]:
        return git(self.root, "for-each-ref", "--format=%(refname)", "refs/exps", "refs/heads/evil").split()


@pytest.fixture
def world(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    signers = (settings_folder() / "allowed_signers").read_bytes()
    for name in ("mine", "machine", "stranger"):
        (tmp_path / "homes" / name).mkdir(parents=True, mode=0o700)
        (tmp_path / "homes" / name / "allowed_signers").write_bytes(signers)
        (tmp_path / "homes" / name / "allowed_signers").chmod(0o600)
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "homes/mine"))
    (repository / "params.yaml").write_text("steps: 1\n")
    (repository / "train.py").write_text("train()\n")
    commit(repository)
    return World(repository, Remote((tmp_path / "store").as_uri()), tmp_path / "homes")


def settings(root: Path) -> None:
    (root / "params.yaml").write_text("steps: 2\n")
    write_lock(root, "train@mia")
    (root / "stages").mkdir()
    write_lock(root, "check", name="stages/dvc.lock")


def write_lock(root: Path, *stages: str, name: str = "dvc.lock") -> None:
    made = {stage: {"cmd": f"python -m {stage}"} for stage in stages}
    (root / name).write_text(yaml.safe_dump({"schema": "2.0", "stages": made}))
