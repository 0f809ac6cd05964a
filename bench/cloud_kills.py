"""Kills of a launched job at seeded moments, with a real SkyPilot on a real Slurm.

`python -m bench.cloud_kills [KILLS] [SEED] [STEPS]`, where KILLS is how many there are, or which: `worker,controller`.
A machine is lost (-9, all that runs on it), its network fails, a program of the job is killed, SkyPilot's server and controller
are killed and started anew. A job that ended is launched again. Printed: a line for each kill with the steps that were lost, and
whether the weights are those of an unbroken training, nothing stays running, and the hours told are those that Slurm counted.
`make sky` first, and the packages of tools/slurm_loopback.py.
"""

import datetime
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from likeness.cloud.records import JobRecords
from likeness.lora.safetensors_io import read_metadata
from likeness.train.native.checkpoint import NAME
from tools.sky_clone import SkyClone, training, until
from tools.sky_loopback import SkyLoopback

KINDS = ("machine", "network", "worker", "controller")
CHECKPOINTS = 40
# From a machine's begin; its training begins after some 15 s.
LATEST_S = 45.0


class NodeHours:
    """Seconds for which Slurm had a node taken, asked every `every_s`: it forgets a job five minutes after its end."""

    def __init__(self, cluster: SkyLoopback, every_s: float = 20.0) -> None:
        self._slurm, self._every_s = cluster.slurm, every_s
        self._taken: dict[str, float] = {}
        self._end = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def seconds(self) -> float:
        """Up to now, of all jobs."""
        self._ask()
        self._end.set()
        return sum(self._taken.values())

    def _watch(self) -> None:
        while not self._end.wait(self._every_s):
            self._ask()

    def _ask(self) -> None:
        for line in self._slurm.slurm("scontrol", "show", "job", "-o", check=False).splitlines():
            said = dict(re.findall(r"(JobId|StartTime|EndTime|JobState)=(\S+)", line))
            if said.get("JobState") in (None, "PENDING") or "Unknown" in said.values():
                continue
            ended = said["JobState"] not in ("RUNNING", "COMPLETING")
            began = datetime.datetime.fromisoformat(said["StartTime"])
            end = datetime.datetime.fromisoformat(said["EndTime"]) if ended else datetime.datetime.now()
            # A job that is put back into the queue keeps its number, and begins anew.
            self._taken[f"{said['JobId']} {began}"] = (end - began).total_seconds()


def lost_steps(clone: SkyClone, cluster: SkyLoopback) -> str:
    """Of how many steps no other machine can know: those after the newest checkpoint in the store."""
    shared = [
        int(read_metadata(path.read_bytes())["step"]) for path in clone.folder.glob("store/training/*/[01]")
    ]
    made = [
        int(found[1])
        for path in cluster.slurm.home.rglob(".cache/training/*/step-*.safetensors")
        if (found := NAME.fullmatch(path.name))
    ]
    if not made:
        return "before the first checkpoint"
    return f"newest checkpoint {max(made)}, in the store {max(shared, default=0)}"


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
        kill(
            slurm.processes(HOME=str(slurm.home)),
            "sky.server.server",
            "sky.jobs.controller",
            "SkyPilot:",
            "multiprocessing",
        )
        time.sleep(10)
        cluster.sky("api", "start")


def main(kills: str, seed: int, steps: int) -> None:
    """Print what became of it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    chance = random.Random(seed)
    if kills.isdecimal():
        kinds = [KINDS[number % len(KINDS)] for number in range(int(kills))]
        chance.shuffle(kinds)
    else:
        kinds = kills.split(",")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as beside:
        clone = SkyClone(Path(folder), training(steps, steps // CHECKPOINTS))
        with SkyLoopback(Path(folder) / "slurm") as cluster:
            unbroken = beside.submit(clone.train_unbroken)
            hours = NodeHours(cluster)
            records = clone.launch(cluster)
            jobs = [records.job]
            for number, kind in enumerate(kinds, 1):
                records = one_kill(number, kind, chance.uniform(0, LATEST_S), records, clone, cluster)
                jobs += [] if records.job in jobs else [records.job]
            until("the end", lambda: bool(records.lives()) and bool(records.lives()[-1].end))
            until("the engine's word", lambda: bool(clone.status(records.job)["ended"]))
            until("an empty cluster", lambda: cluster.slurm.busy() == [])
            same = clone.bring_home(records.job) == unbroken.result()
            left = [
                said_by(one)[:80] for one in cluster.slurm.processes(SLURM_CONF=cluster.env["SLURM_CONF"])
            ]
            running = [one for one in left if "likeness" in one and "sky.jobs" not in one]
            told, taken = sum(float(clone.status(one)["seconds"]) for one in jobs), hours.seconds()
            print(f"sha256 of an unbroken training: {same}; still running of the jobs: {running}; {len(jobs)} jobs, of whose "
                  f"{taken:.0f} s Slurm had a node taken {told:.0f} are told", flush=True)  # fmt: skip


def one_kill(
    number: int, kind: str, after_s: float, records: JobRecords, clone: SkyClone, cluster: SkyLoopback
) -> JobRecords:
    """Wait for a machine at work, kill, wait for what comes then; returns the records of the job that goes on."""
    until("a machine", lambda: bool(records.lives()) and len(cluster.slurm.busy()) == 1)
    time.sleep(after_s)
    lives, (node,) = records.lives(), cluster.slurm.busy()
    steps, began = lost_steps(clone, cluster), time.monotonic()
    act(kind, node, cluster)

    def over() -> bool:
        return bool(clone.status(records.job)["ended"])

    def moved() -> bool:
        known = records.lives()
        return len(known) > len(lives) or bool(known[-1].end) or over()

    if kind != "controller":
        until(f"{kind}: what comes then", moved)
    if kind == "machine":
        cluster.slurm.start_node(node)
    elif kind == "network":
        cluster.slurm.rejoin_node(node)
    known = records.lives()
    print(f"{number}. {kind} after {after_s:.0f} s ({steps}): {len(lives)} -> {len(known)} machines in "
          f"{time.monotonic() - began:.0f} s, ends {[one.end for one in known]}", flush=True)  # fmt: skip
    if known[-1].end or over():
        until("the engine's word", over)
        records = clone.launch(cluster)
    return records


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    main(given.get(0, "20"), int(given.get(1, "16")), int(given.get(2, "4000")))
