"""A lost machine, with a real SkyPilot on a real Slurm on this machine (tools/sky_loopback.py) and a real training.

`make sky`, and `apt-get install munge slurmctld slurmd slurm-client openssh-server rsync`; `-s` shows how long each wait was.
"""

import contextlib
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.sky_clone import SkyClone, training, until
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
STEPS, EVERY = 120, 10
CANARY = "canary-8d1f6c2ab47e"


@contextlib.contextmanager
def shown_by_processes() -> Iterator[set[str]]:
    """Where the canary stands meanwhile: on a command line, which every user of the node reads, or in the environment of what runs on
    a node."""
    found, end = set[str](), threading.Event()

    def look() -> None:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
                if CANARY.encode() in line:
                    found.add(f"command line: {line[:200]}")
                if CANARY.encode() in environment and b"SLURM_JOB_ID=" in environment:
                    found.add(f"environment of {line[:200]}")

    def watch() -> None:
        while not end.wait(0.2):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        end.set()
        thread.join()


def files_with_the_key(folder: Path) -> list[str]:
    """Those with the canary in them, but for the one that its user alone reads."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and CANARY.encode() in path.read_bytes()
        and not (path.name == "aws" and path.stat().st_mode & 0o777 == 0o600)
    ]  # fmt: skip


def test_a_node_that_is_lost_in_mid_training_is_replaced_and_the_weights_are_those_of_an_unbroken_run(
    tmp_path,
):
    clone = SkyClone(tmp_path, training(STEPS, EVERY))
    clone.clone.env |= {"AWS_ACCESS_KEY_ID": f"{CANARY}-id", "AWS_SECRET_ACCESS_KEY": CANARY}
    with (
        ThreadPoolExecutor() as beside,
        shown_by_processes() as shown,
        SkyLoopback(tmp_path / "slurm") as cluster,
    ):
        # While SkyPilot waits for its machines.
        unbroken = beside.submit(clone.train_unbroken)
        records = clone.launch(cluster)
        until("two shared checkpoints", lambda: clone.shared() == 2)
        assert [CANARY in path.read_text() for path in tmp_path.rglob("home/aws")] == [True]
        (node,) = cluster.slurm.busy()
        cluster.slurm.lose_node(node)
        until("a second machine", lambda: len(records.lives()) == 2)
        assert cluster.slurm.busy() != [node]
        until("its end", lambda: bool(records.lives()[-1].end))
        first, second = records.lives()
        assert (first.end, second.end, second.step) == ("", "done", STEPS)
        until("the engine's word", lambda: clone.status(records.job)["ended"])
        assert clone.status(records.job)["status"] == "SUCCEEDED"
        until("an empty cluster", lambda: cluster.slurm.busy() == [])
        assert clone.bring_home(records.job) == unbroken.result()
        # SkyPilot had no key to write down: not into its database, its files, the node's command lines or Slurm's state.
        assert (shown, files_with_the_key(tmp_path)) == (set(), [])
