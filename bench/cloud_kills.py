"""Kills of a launched job at seeded moments, with a real SkyPilot on a real Slurm: `python -m bench.cloud_kills [KILLS] [SEED]`.

A machine is lost (-9, all that runs on it), its network fails, a program of the job is killed, SkyPilot's server and controller
are killed and started anew. A job that ended is launched again. Printed: a line for each kill, and whether the weights are those
of an unbroken training and nothing stays running. `make sky` first, and the packages of tools/slurm_loopback.py.
"""

import os
import random
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from likeness.cloud.records import JobRecords
from tools.sky_clone import SkyClone, training, until
from tools.sky_loopback import SkyLoopback

KINDS = ("machine", "network", "worker", "controller")
STEPS, EVERY = 4000, 100
# From a machine's begin; its training begins after some 15 s.
LATEST_S = 45.0


def said_by(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def kill(numbers: set[int], *words: str) -> int:
    """kill -9 of those with one of these words on their command lines; returns how many."""
    chosen = [one for one in numbers if any(word in said_by(one) for word in words)]
    for number in chosen:
        os.kill(number, signal.SIGKILL)
    return len(chosen)


def act(kind: str, node: str, cluster: SkyLoopback) -> None:
    slurm = cluster.slurm
    if kind == "machine":
        slurm.lose_node(node)
    elif kind == "network":
        slurm.part_node(node)
    elif kind == "worker":
        kill(slurm.processes(SLURMD_NODENAME=node), "-m stages.", "-m dvc ")
    else:
        kill(slurm.processes(HOME=str(slurm.home)), "sky.server.server", "sky.jobs.controller", "SkyPilot:")
        time.sleep(10)
        cluster.sky("api", "start")


def main(kills: int, seed: int) -> None:
    """Print what became of it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    chance = random.Random(seed)
    kinds = [KINDS[number % len(KINDS)] for number in range(kills)]
    chance.shuffle(kinds)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as beside:
        clone = SkyClone(Path(folder), training(STEPS, EVERY))
        with SkyLoopback(Path(folder) / "slurm") as cluster:
            unbroken = beside.submit(clone.train_unbroken)
            records = clone.launch(cluster)
            for number, kind in enumerate(kinds, 1):
                records = one_kill(number, kind, chance.uniform(0, LATEST_S), records, clone, cluster)
            until("the end", lambda: bool(records.lives()) and bool(records.lives()[-1].end))
            until("the engine's word", lambda: bool(clone.status(records.job)["ended"]))
            until("an empty cluster", lambda: cluster.slurm.busy() == [])
            same = clone.bring_home(records.job) == unbroken.result()
            left = [
                said_by(one)[:80] for one in cluster.slurm.processes(SLURM_CONF=cluster.env["SLURM_CONF"])
            ]
            jobs = [one for one in left if "likeness" in one and "sky.jobs" not in one]
            print(f"sha256 of an unbroken training: {same}; still running of the job: {jobs}", flush=True)


def one_kill(
    number: int, kind: str, after_s: float, records: JobRecords, clone: SkyClone, cluster: SkyLoopback
) -> JobRecords:
    """Wait for a machine at work, kill, wait for what comes then; returns the records of the job that goes on."""
    until("a machine", lambda: bool(records.lives()) and cluster.slurm.busy() != [])
    time.sleep(after_s)
    lives, (node, *_) = records.lives(), cluster.slurm.busy()
    began = time.monotonic()
    act(kind, node, cluster)

    def moved() -> bool:
        known = records.lives()
        return len(known) > len(lives) or bool(known[-1].end) or bool(clone.status(records.job)["ended"])

    if kind != "controller":
        until(f"{kind}: what comes then", moved)
    if kind == "machine":
        cluster.slurm.start_node(node)
    elif kind == "network":
        cluster.slurm.rejoin_node(node)
    known = records.lives()
    print(f"{number}. {kind} after {after_s:.0f} s at step {lives[-1].step}: {len(lives)} -> {len(known)} machines in "
          f"{time.monotonic() - began:.0f} s, ends {[one.end for one in known]}", flush=True)  # fmt: skip
    if known[-1].end:
        until("the engine's word", lambda: bool(clone.status(records.job)["ended"]))
        records = clone.launch(cluster)
    return records


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["20"])[0]), int((sys.argv[2:] or ["16"])[0]))
