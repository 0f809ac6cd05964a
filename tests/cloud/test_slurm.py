"""A lost machine, with a real SkyPilot on a real Slurm on this machine (tools/sky_loopback.py) and a real training.

`make sky`, and `apt-get install munge slurmctld slurmd slurm-client openssh-server rsync`; `-s` shows how long each wait was.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor

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


def test_a_node_that_is_lost_in_mid_training_is_replaced_and_the_weights_are_those_of_an_unbroken_run(
    tmp_path,
):
    clone = SkyClone(tmp_path, training(STEPS, EVERY))
    with ThreadPoolExecutor() as beside, SkyLoopback(tmp_path / "slurm") as cluster:
        # While SkyPilot waits for its machines.
        unbroken = beside.submit(clone.train_unbroken)
        records = clone.launch(cluster)
        until("two shared checkpoints", lambda: clone.shared() == 2)
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
