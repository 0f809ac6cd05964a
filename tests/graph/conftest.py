"""One clone on which the graph has run once; tests work on copies of it."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from likeness.pipeline.stage import STAGES
from tools.repository_clone import RepositoryClone, clone_repository, stages_run

# The longest first, so that the workers end together; one of them runs the graph while the other does without it.
LONGEST = (
    "test_a_second_repro", "test_a_second_machine", "test_revocation.py", "test_killed_three_times",
    "test_a_third_of_everything", "test_mixed_photographs.py", "test_another_learning_rate", "test_paid_graph.py", "graph/",
    "test_distributed.py", "stages/test_evaluate", "train/test_compute.py", "cloud/test_job.py", "cloud/test_queue.py",
    "test_versions.py", "test_preservation.py", "test_ingest_photographs.py", "publish/", "test_serve.py",
)  # fmt: skip
# Their tests share no graph that only one of them needs, and go to whichever worker is free.
FREE = ("test_graph.py", "test_paid_graph.py", "test_cost_of_change.py", "test_foreign_provider.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `--dist loadgroup`: the order, and that the tests of any other file stay on one worker with what they share."""
    places = {item: next((n for n, name in enumerate(LONGEST) if name in item.nodeid), 99) for item in items}
    items.sort(key=places.__getitem__)
    for item in items:
        if item.path.name not in FREE:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RepositoryClone, str]:
    """A clone on which the graph has run once, for all workers, and what that run printed."""
    of_all = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_all = of_all.parent
    folder, said = of_all / "built", of_all / "built.txt"
    with (of_all / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other worker waits until it has run
        if not said.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            printed = clone_repository(folder).dvc("repro")
            said.write_text(printed)
    return RepositoryClone(folder), said.read_text()


@pytest.fixture(scope="session")
def built(first_run: tuple[RepositoryClone, str]) -> RepositoryClone:
    """A clone on which the graph has run; tests work on copies of it."""
    clone, said = first_run
    assert stages_run(said) == [spec.name for spec in STAGES]
    return clone


@pytest.fixture
def clone(built: RepositoryClone, tmp_path: Path) -> RepositoryClone:
    """A copy of the built clone, item store and all."""
    shutil.copytree(built.folder, tmp_path / "clone", symlinks=True)
    return RepositoryClone(tmp_path / "clone")


@pytest.fixture
def fresh(tmp_path: Path) -> RepositoryClone:
    """A second clean clone."""
    (tmp_path / "fresh").mkdir()
    return clone_repository(tmp_path / "fresh")


@pytest.fixture
def enhanced(clone: RepositoryClone) -> RepositoryClone:
    """A clone to change, whose photographs have gone at least as far as `enhance`, with nothing to commit."""
    clone.run(
        "git", "add", "-A"
    )  # what the graph itself writes beside its outputs is no change of a person's
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "enhanced")
    return clone
