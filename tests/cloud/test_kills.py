"""Twenty kills of controller, worker and machine, and signals: what is lost, what is left running, what the records say it cost."""

import contextlib
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from likeness.cloud.records import JobRecords
from likeness.store.s3 import Remote
from tests.cloud.one_machine import EVERY, STEPS

pytestmark = [pytest.mark.slow, pytest.mark.long]
KILLS = ["controller", "worker", "machine", "signal"] * 5
ROOT = Path(__file__).parents[2]
MARK = "LIKENESS_KILLS"


def processes(folder: Path) -> list[int]:
    """What this test's machines have running."""
    mark, found = f"{MARK}={folder}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def left_running(folder: Path) -> list[int]:
    """What stays: whom -9 has hit is still in the list until the kernel has ended it."""
    found = processes(folder)
    for _ in range(200):
        if not found:
            break
        time.sleep(0.05)
        found = processes(folder)
    return found


def kill(kind: str, folder: Path, machine: subprocess.Popen, records: JobRecords) -> None:
    match kind:
        case "machine":  # all of it at once, as when its power fails
            for number in processes(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        case "worker":
            for number in processes(folder):
                if number != machine.pid:
                    os.kill(number, signal.SIGKILL)
        case "controller":  # it renewed the lease so far
            records.renew(0.2)
        case _:
            machine.send_signal(signal.SIGTERM)


def test_twenty_kills_lose_an_interval_each_at_most(tmp_path):
    random.seed(16)
    store = tmp_path / "store"
    records = JobRecords(Remote(store.as_uri()), "likeness-jade-1")
    records.renew(600)
    real_s, lost, last, resumed = 0.0, [], 0, 0
    kinds = random.sample(KILLS, len(KILLS))
    ends: list[str] = []
    for kind in [*kinds, "none"]:
        began = time.time()
        command = [
            sys.executable,
            "-u",
            str(Path(__file__).with_name("one_machine.py")),
            str(store),
            records.job,
            str(began),
        ]
        machine = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT), MARK: str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert machine.stdout is not None
        after, done = random.randint(1, EVERY - 1), 0
        with machine.stdout as said:
            for line in said:
                if found := re.match(r"from (\d+)", line):
                    resumed = int(found[1])
                    lost.append(last - resumed)
                elif found := re.match(r"train: (\d+)/", line):
                    last = int(found[1])
                    done += 1
                    # Each machine gets a little further: twenty do not reach the end.
                    if done == min(after, STEPS - last - 1) and kind != "none":
                        kill(kind, tmp_path, machine, records)
        machine.wait()
        real_s += time.time() - began
        records.remote.delete([f"cloud/{records.job}/lease.json"])  # one that ended is renewed by nobody
        records.renew(600)
        assert left_running(tmp_path) == [], kind
        ends.append(records.lives()[-1].end)
    assert len(kinds) == 20
    assert max(lost) <= EVERY
    state = ""
    for step in range(1, STEPS + 1):
        state = hashlib.sha256(f"{state}{step}".encode()).hexdigest()
    assert json.loads((tmp_path / "checkpoint").read_text()) == [STEPS, state]
    told_s = sum(one.seconds for one in records.lives())
    print(f"lost {lost}, ends {ends}, {real_s:.1f} s, told {told_s:.1f} s")
    # What passes after the last sign and while Python ends; 5 % of a life of 40 s, and lives take hours.
    assert abs(real_s - told_s) < 2 * len(ends)
    expected = {
        "machine": "",
        "worker": "failed",
        "controller": "controller-gone",
        "signal": "taken-away",
        "none": "done",
    }
    assert [expected[kind] for kind in [*kinds, "none"]] == ends
