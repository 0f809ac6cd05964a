"""Kills of launched jobs at seeded moments, with a real SkyPilot on a real Slurm: every kind of kill at every moment.

`python -m bench.cloud_kills [KILLS] [SEED] [STEPS] [LANES]`, where KILLS is how many there are, or which: `machine@push,worker@train`.
Killed are a machine (-9 and all that runs on it), its network, one program of the job, SkyPilot's server and controller;
before setup has ended, while data comes, in mid-training, while it evaluates, while results go. A job that failed is launched again.
Printed is a line of a table for each: steps lost, whether the weights are those of an unbroken training, what stays running, and the
seconds that likeness tells against those for which Slurm had nodes taken. LANES jobs run side by side, each with a clone and a
store of its own. `make sky` first, and the packages of tools/slurm_loopback.py.
"""

import contextlib
import datetime
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from likeness.lora.safetensors_io import read_metadata
from likeness.train.native.checkpoint import NAME
from tools.sky_clone import SkyClone, training, until
from tools.sky_loopback import SkyLoopback

KINDS = ("machine", "network", "worker", "controller")
MOMENTS = {"setup": "", "pull": "-m dvc pull", "train": "", "evaluate": "-m stages.evaluate", "push": "-m dvc push"}  # fmt: skip
OURS = re.compile(r"\S*python\S* (-\S+ )*-m (likeness\.cloud\.job|dvc|stages\.)")
SETUP = re.compile(r"(/bin/|/usr/bin/)?(bash|git|srun) ")
SKY = ("sky.server.server", "sky.jobs.controller", "SkyPilot:", "multiprocessing")
HEAD = """\
| | killed | when | checkpoint made / in the store / gone on from | weights | left running | machines | s taken | s told | ends | s |
|---|---|---|---|---|---|---|---|---|---|---|"""
CHECKPOINTS = 10
PART_LOGIN_S = 45.0

Kill = tuple[int, str, str, int]


def said_by(number: int) -> str:
    """A process's command line."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def kill(numbers: list[int]) -> None:
    """-9, whoever is still there."""
    for number in numbers:
        if Path(f"/proc/{number}").exists():
            os.kill(number, signal.SIGKILL)


class Cluster:
    """SkyPilot and Slurm, asked by several lanes; `engine` is held by who asks SkyPilot or kills it."""

    def __init__(self, sky: SkyLoopback) -> None:
        self.sky, self.slurm, self.engine = sky, sky.slurm, threading.RLock()
        self.taken: dict[str, tuple[str, float]] = {}

    def running(self, job: str) -> dict[str, str]:
        """Slurm's numbers of a job's machines, and their nodes; and how long each was taken, which Slurm soon forgets."""
        found: dict[str, str] = {}
        for line in self.slurm.slurm("scontrol", "show", "job", "-o", check=False).splitlines():
            said = dict(re.findall(r"(JobId|JobName|StartTime|EndTime|JobState|NodeList)=(\S+)", line))
            if not said.get("JobName", "").startswith(job) or said.get("StartTime") in (None, "Unknown"):
                continue
            at_work = said["JobState"] in ("RUNNING", "COMPLETING")
            began = datetime.datetime.fromisoformat(said["StartTime"])
            end = datetime.datetime.now() if at_work else datetime.datetime.fromisoformat(said["EndTime"])
            self.taken[said["JobId"]] = job, max((end - began).total_seconds(), 0.0)
            if said["JobState"] == "RUNNING":
                found[said["JobId"]] = said["NodeList"]
        return found

    def programs(self, job: str, word: str = "", ours: re.Pattern[str] = OURS) -> list[int]:
        """What runs of a job, with this word on its command line."""
        known = [number for number, (name, _) in self.taken.items() if name.startswith(job)]
        found = {one for number in known for one in self.slurm.processes(SLURM_JOB_ID=number)}
        return sorted(one for one in found if word in said_by(one) and ours.match(said_by(one)))

    def over(self, job: str) -> bool:
        """Whether SkyPilot's database says that a job has ended: to ask SkyPilot itself takes seconds of a processor."""
        self.running(job)
        ended = "SELECT count(*) FROM spot WHERE task_name = ? AND end_at IS NOT NULL"
        with contextlib.closing(sqlite3.connect(self.slurm.home / ".sky" / "spot_jobs.db")) as database:
            return database.execute(ended, (job,)).fetchone()[0] > 0

    def status(self, clone: SkyClone, job: str) -> dict[str, Any]:
        """What likeness says of a job, once SkyPilot answers."""
        while True:
            with self.engine:
                told = clone.status(job)
            if told["number"] is not None:
                return told
            time.sleep(5)

    def restart_sky(self) -> None:
        """kill -9 of SkyPilot's server and controller, and start it anew."""
        with self.engine:
            for _ in range(3):  # one that is left holds the port
                everything = self.sky.processes()
                kill([one for one in everything if any(word in said_by(one) for word in SKY)])
                time.sleep(5)
                with contextlib.suppress(RuntimeError):
                    self.sky.sky("api", "start")
                    return


class Trial:
    """One job that is killed once."""

    def __init__(self, cluster: Cluster, clone: SkyClone, steps: int, chance: random.Random) -> None:
        self.cluster, self.clone, self.steps, self.chance = cluster, clone, steps, chance
        self.jobs, self.ends = list[str](), list[str]()
        self.launch()

    def launch(self) -> None:
        """Start it, or start it again."""
        with self.cluster.engine:
            self.records = self.clone.launch(self.cluster.sky)
        self.jobs.append(self.records.job)

    def wait_for(self, moment: str) -> str:
        """Until the job is that far; returns its node."""
        job, at = self.records.job, self.chance.uniform(0.1, 0.9) * self.steps
        until("a node", lambda: bool(self.cluster.running(job)), told=False)
        if moment == "train":
            until(moment, lambda: self.newest()[0] >= at, told=False)
        elif moment != "setup":
            until(moment, lambda: bool(self.cluster.programs(job, MOMENTS[moment])), told=False)
        time.sleep(self.chance.uniform(0, 8 if moment == "setup" else 1))
        return next(iter(self.cluster.running(job).values()))

    def newest(self) -> tuple[int, int]:
        """The newest checkpoint on a machine of this job, and in the store."""
        work = f".sky_clusters/{self.records.job}*/sky_workdir/*/.cache/training/*/step-*"
        made = [NAME.fullmatch(path.name) for path in self.cluster.slurm.home.glob(work)]
        shared = [read_metadata(one.read_bytes()) for one in self.clone.folder.glob("store/training/*/[01]")]
        return max((int(one[1]) for one in made if one), default=0), max(
            (int(one["step"]) for one in shared), default=0
        )

    def act(self, kind: str, node: str) -> str:
        """Kill; returns in words what."""
        slurm, job = self.cluster.slurm, self.records.job
        if kind == "machine":
            slurm.lose_node(node)
        elif kind == "network" and self.chance.random() < 0.5:
            slurm.part_login()
            time.sleep(PART_LOGIN_S)
            slurm.rejoin_login()
            return "network (login)"
        elif kind == "network":
            slurm.part_node(node)
        elif kind == "controller":
            self.cluster.restart_sky()
        else:
            one = self.chance.choice(self.cluster.programs(job) or self.cluster.programs(job, ours=SETUP))
            words = said_by(one)
            kill([one])
            return f"worker (`{' '.join(words.split()[1:4])}`)"
        return kind

    def finish(self) -> None:
        """Until SkyPilot says that it is over; what failed is launched again."""
        while True:
            job = self.records.job
            until("its end", lambda job=job: self.cluster.over(job), every_s=2, told=False)
            told = self.cluster.status(self.clone, job)
            lives = "/".join(one["end"] or "-" for one in told["lives"])
            self.ends.append(f"{lives} {told['status'].lower()}")
            if told["status"] == "SUCCEEDED":
                return
            if len(self.jobs) == 3:
                raise TimeoutError(f"failed three times: {told['reason']}")
            self.launch()

    def figures(self, unbroken: str) -> str:
        """What holds of it: weights, what is left, seconds told and taken."""
        until("no node", lambda: not any(map(self.cluster.running, self.jobs)), every_s=1, told=False)
        left = [said_by(one)[:60] for job in self.jobs for one in self.cluster.programs(job)]
        same = self.clone.fetched(self.records.job) == unbroken
        told = [self.cluster.status(self.clone, one) for one in self.jobs]
        taken = sum(seconds for name, seconds in self.cluster.taken.values() if name in self.jobs)
        machines = sum(len(one["lives"]) for one in told)
        return (
            f"{'equal' if same else 'OTHER'} | {left or 'nothing'} | {machines} | {taken:.0f} | "
            f"{sum(float(one['seconds']) for one in told):.0f} | {', '.join(self.ends)}"
        )


def trials(clone: SkyClone, cluster: Cluster, steps: int, kills: "Queue[Kill]", unbroken: str) -> None:
    """One after the other, until none is left; prints a line for each."""
    with contextlib.suppress(Empty):
        while True:
            number, kind, moment, seed = kills.get_nowait()
            began, node, words = time.monotonic(), "", kind
            try:
                trial = Trial(cluster, clone, steps, random.Random(seed))
                node = trial.wait_for(moment)
                after_s, (made, shared) = time.monotonic() - began, trial.newest()
                words = trial.act(kind, node)
                trial.finish()
                lost = f"{made} / {shared} / {clone.resumed(trial.records.job)}"
                line = f"{moment}, {after_s:.0f} s | {lost} | {trial.figures(unbroken)}"
            except Exception as error:
                line = f"{moment} | {type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
                clone.stop_all()
            print(f"| {number} | {words} | {line} | {time.monotonic() - began:.0f} |", flush=True)
            if node and kind in ("machine", "network"):
                again = cluster.slurm.start_node if kind == "machine" else cluster.slurm.rejoin_node
                again(node)  # which is nothing to one that was not parted
            clone.forget_training()


def main(kills: str, seed: int, steps: int, lanes: int) -> None:
    """Print the table."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    chance = random.Random(seed)
    every = [(kind, moment) for moment in MOMENTS for kind in KINDS]
    chance.shuffle(every)
    chosen = every[: int(kills)] if kills.isdecimal() else [tuple(one.split("@")) for one in kills.split(",")]
    waiting: Queue[Kill] = Queue()
    for number, (kind, moment) in enumerate(chosen, 1):
        waiting.put((number, kind, moment, chance.randrange(2**32)))
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder, SkyLoopback(Path(folder) / "slurm", 2 * lanes) as sky:
        sky.env["SKY_LOOK_S"] = "10"

        def clone(number: int) -> SkyClone:
            (place := Path(folder) / f"lane{number}").mkdir()
            return SkyClone(place, training(steps, steps // CHECKPOINTS))

        with ThreadPoolExecutor(lanes) as beside:
            clones = list(beside.map(clone, range(lanes)))
        given = Cluster(sky), steps, waiting, clones[0].train_unbroken()
        running = [threading.Thread(target=trials, args=(one, *given), daemon=True) for one in clones]
        for one in running:
            one.start()
        for one in running:
            one.join()


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    main(given.get(0, "20"), int(given.get(1, "16")), int(given.get(2, "80")), int(given.get(3, "3")))
