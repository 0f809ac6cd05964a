"""No-op `dvc repro` of likeness over a bare DVC graph that watches the same files.

Floor: the same working tree and DVC version, with a plain dvc.yaml that lists the same files as deps and outs in as
many stages, without foreach, params or Hydra. Run after `make demo`.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROUNDS = 5
KEPT = ("data/", "models/")


def main() -> None:
    if not Path("dvc.lock").is_file():
        raise SystemExit("bench.noop: run `make demo` first")
    with tempfile.TemporaryDirectory() as folder:
        likeness, bare = Path(folder) / "likeness", Path(folder) / "bare"
        for copy in (likeness, bare):
            shutil.copytree(
                ".", copy, ignore=shutil.ignore_patterns(".venv", ".cache", "mlartifacts", "tests")
            )
        write_bare(bare)
        dvc(bare, "commit", "-f", "-q")
        dvc(bare, "repro", "-q")
        dvc(likeness, "repro", "-q")
        ours, floor = [], []
        for _ in range(ROUNDS):
            ours.append(dvc(likeness, "repro", "-q"))
            floor.append(dvc(bare, "repro", "-q"))
    files = sum(path.is_file() for base in KEPT for path in Path(base).rglob("*"))
    row = {
        "bench": "noop",
        "files": files,
        "house_s": statistics.median(ours),
        "bare_s": statistics.median(floor),
    }
    row["ratio"] = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
    sys.stdout.write(
        json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}) + "\n"
    )


def write_bare(folder: Path) -> None:
    """One plain stage a stage of the lock file, with the files it reads and writes."""
    locked = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    stages = {}
    for name, entry in locked.items():
        deps = [dep["path"] for dep in entry.get("deps", []) if dep["path"] != "params.yaml"]
        stages[name.replace("@", "-")] = {
            "cmd": "true",
            "deps": deps,
            "outs": [out["path"] for out in entry["outs"]],
        }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (folder / "dvc.lock").unlink()
    (folder / "params.yaml").unlink()
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n    check_update = false\n")


def dvc(folder: Path, *arguments: str) -> float:
    """Seconds of one DVC command in `folder`."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("DVC_")}
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, env=env, check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
