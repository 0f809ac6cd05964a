"""No-op `dvc repro` of likeness over a bare DVC graph that watches the same files; `check` runs each time.

    python -m bench.noop [FILES ...]     prints a line of JSON for each number of files

Floor: a copy with the same files and DVC version, and a plain dvc.yaml that lists the same deps and outs in as many
stages, without foreach, params or Hydra. The outputs are files without meaning, shared out among the folders of
dvc.yaml and committed: nothing has to be made first. Both take turns; a ratio is the median of the turns'.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROUNDS = 5
FILES = (350, 1_000, 10_000)
FILE_BYTES = 4_096
PERSONA = "jade"
# Neither code nor settings of the graph; what an earlier run made is made anew.
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".cache", "cache", "tmp", "mlartifacts", "tests", "gallery", "dvc.lock", "__pycache__"
)


def main(counts: tuple[int, ...]) -> None:
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            likeness, bare = Path(folder) / "likeness", Path(folder) / "bare"
            shutil.copytree(".", likeness, ignore=LEFT_OUT, symlinks=True)
            fill(likeness, count)
            python(likeness, "stages.check")
            dvc(likeness, "commit", "-f", "-q")
            shutil.copytree(likeness, bare, ignore=shutil.ignore_patterns("cache", "tmp"), symlinks=True)
            write_bare(bare)
            dvc(bare, "commit", "-f", "-q")
            for side in (likeness, bare):
                dvc(side, "repro", "-q")
            turns = [(dvc(likeness, "repro", "-q"), dvc(bare, "repro", "-q")) for _ in range(ROUNDS)]
        row: dict[str, Any] = {"bench": "noop", "files": count}
        for number, unit in enumerate(("wall", "cpu")):
            ours, floor = zip(*((a[number], b[number]) for a, b in turns), strict=True)
            row |= {f"likeness_{unit}_s": statistics.median(ours), f"bare_{unit}_s": statistics.median(floor)}
            row[f"{unit}_ratio"] = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
        told = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def fill(folder: Path, count: int) -> None:
    """Write every output of dvc.yaml: the files it names, and `count` more among its folders."""
    outs = [folder / out for out in outputs(yaml.safe_load((folder / "dvc.yaml").read_text())["stages"])]
    folders = [out for out in outs if not out.suffix]
    for path in [out for out in outs if out.suffix] + [
        folders[number % len(folders)] / f"{number:05}.bin" for number in range(count)
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(path).encode().ljust(FILE_BYTES, b"."))


def outputs(stages: dict[str, Any]) -> Iterator[str]:
    """The outputs of all stages, for one persona."""
    for stage in stages.values():
        body = stage.get("do", stage)
        for out in [out for kind in ("outs", "metrics", "plots") for out in body.get(kind, ())]:
            yield str(out if isinstance(out, str) else next(iter(out))).replace("${key}", PERSONA)


def write_bare(folder: Path) -> None:
    """One plain stage a stage of the lock file, with the files it reads and writes."""
    lock, check = folder / "dvc.lock", folder / "stages" / "dvc.lock"
    locked = {
        name: entry
        for file in (check, lock)
        for name, entry in yaml.safe_load(file.read_text())["stages"].items()
    }
    stages = {
        name.replace("@", "-"): {
            "cmd": "true",
            "deps": [dep["path"] for dep in entry.get("deps", [])],
            "outs": [out["path"] for out in entry["outs"]],
        }
        for name, entry in locked.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for file in (lock, check, check.with_name("dvc.yaml"), folder / "params.yaml"):
        file.unlink()
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n    check_update = false\n")


def dvc(folder: Path, *arguments: str) -> tuple[float, float]:
    """See `python`."""
    return python(folder, "dvc", *arguments)


def python(folder: Path, module: str, *arguments: str) -> tuple[float, float]:
    """Seconds on the clock and of the processors that a program takes in `folder`."""
    # With Python's caches, as everybody has them: without, ours is compiled anew each time, and DVC is not.
    left_out = ("DVC_", "PYTHONDONTWRITEBYTECODE")
    env = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=folder, env=env)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"bench.noop: {module} {' '.join(arguments)} failed in {folder}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or FILES)
