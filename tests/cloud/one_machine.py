"""One machine of tests/cloud/test_kills.py: a job whose only program is a training of a second, that goes on from the store."""

import contextlib
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from likeness.cloud.dead_man import DeadMan, Limits
from likeness.cloud.job import Job, ended_in_words
from likeness.cloud.parcel import Parcel
from likeness.cloud.records import JobRecords, Life
from likeness.errors import LikenessError
from likeness.store.s3 import Remote

STEPS, EVERY = 400, 10
TRAIN = """
import hashlib, json, os, sys, time
place, steps, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
step, state = 0, ""
if os.path.exists(place):
    step, state = json.load(open(place))
print(f"from {step}", flush=True)
while step < steps:
    step += 1
    state = hashlib.sha256(f"{state}{step}".encode()).hexdigest()
    time.sleep(0.01)
    print(f"train: {step}/{steps}, 1.0/s, about 1 s left", flush=True)
    if step % every == 0:
        with open(place + ".part", "w") as file:
            json.dump([step, state], file)
        os.replace(place + ".part", place)
"""


def main(store: Path, name: str, began: float) -> None:
    """Begin where the last machine ended."""
    records = JobRecords(Remote(store.as_uri()), name)
    life = Life(machine="slurm", began="x", seconds=0.0, usd_per_hour=1.0)
    limits = Limits(max_s=600, silence_s=60, lease_s=1.0, probe_steps=10**6)
    spent_s = records.begin(life)
    timer = DeadMan(limits, spent_s=spent_s, before_s=time.time() - began, clock=time.monotonic)
    parcel = Parcel(job=name, persona="jade", experiment=name, pull=[], store="", max_s=600, silence_s=60, lease_s=1.0,
                    probe_steps=10**6, machines=[])  # fmt: skip
    job = Job(parcel=parcel, records=records, timer=timer, tick_s=0.01, grace_s=0.2, sign_every_s=0.02)
    signal.signal(signal.SIGTERM, lambda *_: job.stop.set())
    # Without a name for RunPod's key: the tests may run on a pod, and end it.
    cfg: Any = SimpleNamespace(cloud=SimpleNamespace(runpod=SimpleNamespace(api_key_env="")))
    with contextlib.suppress(LikenessError), ended_in_words(job, cfg):
        job.run(sys.executable, "-c", TRAIN, str(store.with_name("checkpoint")), str(STEPS), str(EVERY))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
