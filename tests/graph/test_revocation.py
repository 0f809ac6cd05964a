"""A revocation against DVC itself: after `revoke` and `purge` nothing that DVC or git can do brings outputs back."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.repository_clone import PATIENCE_S, TARGETS, RepositoryClone, clone_repository

pytestmark = pytest.mark.slow

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
REVOKED = "jade: consent jade-2026-11 was revoked"
MADE = ("data/jade/ingested", "data/jade/swapped", "models/jade")


def likeness(clone: RepositoryClone, *words: str) -> str:
    done = clone.run("python", "-m", "likeness", *words)
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def _ended(tmp_path_factory: pytest.TempPathFactory) -> RepositoryClone:
    """A clone in which one stage ran and was pushed, an experiment was saved; then consent ended."""
    folder = tmp_path_factory.mktemp("ended")
    clone = clone_repository(folder / "clone", targets=TARGETS[:1])
    clone.dvc("remote", "add", "-d", "backup", str(folder / "backup"))
    assert clone.repro("ingest@jade") == ["check", "ingest"]
    clone.run("git", "add", "-A")
    clone.run(*GIT, "commit", "-q", "-m", "made")
    clone.dvc("push", "--run-cache", "ingest@jade")
    clone.dvc("exp", "run", "--name", "before", "ingest@jade")
    likeness(clone, "consent", "revoke", "jade", "--yes")
    return clone


def copied(clone: RepositoryClone, folder: Path) -> RepositoryClone:
    shutil.copytree(clone.folder, folder / "clone", symlinks=True)
    return RepositoryClone(folder / "clone")


@pytest.fixture(scope="session")
def emptied(_ended: RepositoryClone, tmp_path_factory: pytest.TempPathFactory) -> RepositoryClone:
    clone = copied(_ended, tmp_path_factory.mktemp("purged"))
    likeness(clone, "consent", "purge", "jade", "--yes")
    clone.run("git", "add", "-A")
    clone.run(*GIT, "commit", "-q", "-m", "ended")
    return clone


@pytest.fixture
def ended(_ended: RepositoryClone, tmp_path: Path) -> RepositoryClone:
    """The revocation alone: DVC's caches are as they were."""
    return copied(_ended, tmp_path)


@pytest.fixture
def purged(emptied: RepositoryClone, tmp_path: Path) -> RepositoryClone:
    """Revoked, purged and committed; to change."""
    return copied(emptied, tmp_path)


def left(clone: RepositoryClone) -> list[str]:
    """What is there of what stages make."""
    return [name for folder in MADE for name in clone.tree(folder)]


def said(clone: RepositoryClone, *commands: tuple[str, ...]) -> str:
    return "".join(clone.dvc(*one, check=False) for one in commands)


def old_revision(clone: RepositoryClone) -> None:
    clone.run("git", "checkout", "-q", "-f", "HEAD~1")


def old_lock(clone: RepositoryClone) -> None:
    clone.run("git", "checkout", "-q", "HEAD~1", "--", "dvc.lock")


def old_record(clone: RepositoryClone) -> None:
    clone.run("git", "checkout", "-q", "HEAD~1", "--", "consent/jade.yaml", "dvc.lock")


def an_experiment_that_has_no_revocation(clone: RepositoryClone) -> None:
    clone.run("git", "checkout", "-q", "-f", "HEAD~1")  # an experiment is applied where it began
    clone.dvc("exp", "apply", "before", check=False)
    assert "revoked:" not in (clone.folder / "consent/jade.yaml").read_text()


def as_it_is(clone: RepositoryClone) -> None:
    del clone


@pytest.mark.parametrize(
    "way",
    [as_it_is, old_revision, old_lock, old_record, an_experiment_that_has_no_revocation],
    ids=lambda way: way.__name__,
)
def test_after_a_purge_nothing_brings_outputs_back(
    purged: RepositoryClone, way: Callable[[RepositoryClone], None]
):
    way(purged)
    said(purged, ("pull", "--run-cache"), ("checkout",))
    assert left(purged) == []
    assert REVOKED in said(purged, ("repro", "ingest@jade"))
    assert "ERROR" in said(purged, ("repro", "-s", "ingest@jade"))  # what `check` writes is missing
    assert REVOKED in purged.run("python", "-m", "stages.ingest", "jade", check=False).stderr
    assert left(purged) == []


@pytest.mark.parametrize("way", [as_it_is, old_revision], ids=lambda way: way.__name__)
@pytest.mark.parametrize("place", ["here", "in a folder of its own, as a queue's worker does"])
def test_after_a_purge_no_experiment_runs(
    purged: RepositoryClone, way: Callable[[RepositoryClone], None], place: str
):
    """One that was queued before carries a record without `revoked:`, as the old revision does."""
    way(purged)
    temp = ("--temp",) if place != "here" else ()
    assert REVOKED in said(purged, ("exp", "run", *temp, "-S", "ingest.min_face_px=130", "ingest@jade"))
    assert left(purged) == []
    assert not list((purged.folder / ".dvc/tmp/exps").glob("*/*/data/jade/ingested/*.png"))


def test_before_a_purge_no_program_writes_again_what_was_deleted(ended: RepositoryClone):
    """The run-cache has the outputs, and the record that DVC hashes says `revoked:`: it does not fit."""
    shutil.rmtree(ended.folder / "data/jade/ingested")
    assert REVOKED in said(ended, ("repro", "ingest@jade"))
    assert REVOKED in ended.run("python", "-m", "stages.ingest", "jade", check=False).stderr
    assert left(ended) == []


def test_a_purge_empties_dvcs_caches_and_its_remote_and_a_second_one_finds_nothing(emptied: RepositoryClone):
    backup = Path(emptied.dvc("remote", "list").split()[1])
    kept = [*backup.rglob("*"), *(emptied.folder / ".dvc/cache").rglob("*")]
    pictures = [path for path in kept if path.is_file() and path.read_bytes()[:4] == b"\x89PNG"]
    assert pictures == []
    assert "nothing of jade was found" in likeness(emptied, "consent", "purge", "jade", "--yes")


def test_what_a_hand_lays_back_and_dvc_commits_is_run_by_nothing_and_purged_again(
    ended: RepositoryClone, tmp_path: Path
):
    """Outputs, dvc.lock and what `check` writes, from a copy made before; `dvc commit` takes them in."""
    aside, folder = tmp_path / "aside", ended.folder
    shutil.copytree(folder / "data", aside / "data")
    shutil.copyfile(folder / "dvc.lock", aside / "dvc.lock")
    likeness(ended, "consent", "purge", "jade", "--yes")
    shutil.copytree(aside / "data", folder / "data", dirs_exist_ok=True)
    shutil.copyfile(aside / "dvc.lock", folder / "dvc.lock")
    ended.dvc("commit", "-f", "ingest@jade")
    assert left(ended) != []
    assert REVOKED in said(ended, ("repro", "ingest@jade"))
    assert REVOKED in said(ended, ("repro", "-s", "-f", "ingest@jade"))
    likeness(ended, "consent", "purge", "jade", "--yes")
    said(ended, ("checkout",))
    assert left(ended) == []
    assert "nothing of jade was found" in likeness(ended, "consent", "purge", "jade", "--yes")


def until(reached: Callable[[], object], every_s: float = 0.2) -> None:
    """Poll another program until it is where it is meant to be."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(every_s)


@pytest.mark.long
def test_a_training_under_way_stops_at_its_next_checkpoint_and_names_no_weights(tmp_path: Path):
    (tmp_path / "clone").mkdir()
    clone = clone_repository(tmp_path / "clone", targets=TARGETS[:1])
    clone.params("train.schedule.steps=20000", "train.checkpoint.weights_every_steps=null")
    clone.dvc("repro", "dataset@jade")
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "train@jade"], cwd=clone.folder, env=clone.env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as training:  # fmt: skip
        assert training.stdout is not None
        until(
            lambda: training.poll() is not None or list(clone.folder.glob(".cache/training/*/*.safetensors"))
        )
        assert training.poll() is None
        likeness(clone, "consent", "revoke", "jade", "--yes")
        words = training.communicate(timeout=PATIENCE_S)[0]
    assert training.returncode != 0
    assert REVOKED in words
    assert not list(clone.folder.glob("models/jade/*.safetensors"))
    assert REVOKED in said(clone, ("repro", "train@jade"))  # nor does it go on from there
    likeness(clone, "consent", "purge", "jade", "--yes")
    assert not list((clone.folder / ".cache/training").glob("*/*"))


@pytest.mark.long
@pytest.mark.parametrize("purged_first", [False, True], ids=["revoked", "revoked and purged"])
def test_a_worker_of_dvcs_queue_runs_nothing_that_was_queued_before_the_revocation(
    tmp_path: Path, purged_first: bool
):
    (tmp_path / "clone").mkdir()
    clone = clone_repository(tmp_path / "clone", targets=TARGETS[:1])
    clone.dvc("exp", "run", "--queue", "--name", "before", "-S", "ingest.min_face_px=130", "ingest@jade")
    likeness(clone, "consent", "revoke", "jade", "--yes")
    if purged_first:
        likeness(clone, "consent", "purge", "jade", "--yes")
    clone.dvc("queue", "start")
    try:
        until(lambda: "Failed" in clone.dvc("queue", "status"), every_s=5)
        assert REVOKED in clone.dvc("queue", "logs", "before")
    finally:
        clone.dvc("queue", "stop", "--kill", check=False)
    assert left(clone) == []
    assert not list(clone.folder.glob(".dvc/tmp/exps/**/data/jade/ingested/*.png"))
    assert "before" not in clone.dvc("exp", "list", "--name-only")
