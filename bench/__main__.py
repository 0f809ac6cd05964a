"""Run every measurement and print a JSON line each; docs/benchmarks.md holds figures with machine and settings."""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

MEASUREMENTS = ("noop", "resize", "incremental", "train_step", "train_start", "calls", "diff")
VERSIONS = ("dvc", "hydra-core", "pillow", "torch", "diffusers", "peft", "accelerate", "httpx")


def main(names: list[str]) -> None:
    machine = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **{n: version(n) for n in VERSIONS},
    }
    sys.stdout.write(json.dumps({"machine": machine}) + "\n")
    for name in names or MEASUREMENTS:
        sys.stdout.flush()
        # Each in a process of its own: one's imports and caches would warm the next.
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
