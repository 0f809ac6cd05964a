"""What four times as many cost: the seconds and the memory of stages' own work at N and at 4N, models and networks left out.

    python -m bench.scale [NAME[=N] ...]     a line of JSON each; without names, all

Floor: the same work at N. `time_ratio` is processor time at 4N over 4 times that at N, 1 where it is linear; `growth_kb` is
the peak of memory that each thing more adds. What pictures are and models say is made up from seeds. Each side is a process of
its own; what it prepares is not counted, and what it has freed by then goes back to the system: work that took it over would seem
to take no memory.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.scale_things import REPOSITORY
from bench.scale_works import MEASUREMENTS
from likeness.config import load_config
from likeness.paths import PARAMS


def measure(name: str, count: int) -> None:
    """One side, in this process: seconds, the peak of memory above what was prepared, and what the work says."""
    prepare, _ = MEASUREMENTS[name]
    config = load_config(REPOSITORY / PARAMS)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stderr(None):
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (the process ends with it)
        work = prepare(count, config)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        prepared_kb = _memory_kb("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        told = work()
        wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {"count": count, "cpu_s": cpu_s, "wall_s": wall_s, "peak_kb": _memory_kb("VmHWM") - prepared_kb}
    sys.stdout.write(json.dumps(row | (told if isinstance(told, dict) else {})) + "\n")


def _memory_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def side(name: str, count: int) -> dict[str, Any]:
    """See `measure`; in a process of its own."""
    command = [sys.executable, "-m", "bench.scale", "--one", name, str(count)]
    # Python's own allocator gives nothing back while one object of a block is left.
    environment = {**os.environ, "PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=REPOSITORY, env=environment)
    return json.loads(done.stdout)


def main(names: list[str]) -> None:
    for asked in names or MEASUREMENTS:
        name, _, given = asked.partition("=")
        count = int(given or MEASUREMENTS[name][1])
        small, large = side(name, count), side(name, 4 * count)
        row = {"bench": f"scale.{name}"} | {key: [small[key], large[key]] for key in large}
        row["time_ratio"] = large["cpu_s"] / (4 * small["cpu_s"])
        row["growth_kb"] = (large["peak_kb"] - small["peak_kb"]) / (3 * count)
        sys.stdout.write(json.dumps(row, default=str) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main(sys.argv[1:])
