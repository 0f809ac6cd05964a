"""Stands for SkyPilot's Python: takes sky_program.py's requests and runs a job here, as SkyPilot would on a machine.

The work folder is copied, setup and run are bash, secrets come by the environment; what was printed is the log.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
JOBS = FOLDER / "jobs.json"


def jobs() -> list[dict]:
    return json.loads(JOBS.read_text()) if JOBS.exists() else []


def launch(request: dict) -> None:
    task = request["task"]
    (FOLDER / "task.json").write_text(json.dumps(task))
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    (FOLDER / "processes").write_bytes(b"\n".join(lines))
    secrets = {name: os.environ[name] for name in request["secrets"]}
    if "sky-refuses" in task["envs"].get("AWS_REGION", ""):
        raise RuntimeError("no cloud is enabled")
    work, began = FOLDER / task["name"], time.time()
    shutil.copytree(task["workdir"], work)
    plain = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(FOLDER),
        "SKYPILOT_CLUSTER_INFO": '{"cloud": "Slurm"}',
    }
    with (FOLDER / "log").open("a") as log:
        code = 0
        for script in (task["setup"], task["run"]):
            code = code or subprocess.run(
                ["bash", "-c", script], cwd=work, env={**plain, **task["envs"], **secrets}, stdout=log,
                stderr=subprocess.STDOUT, check=False,
            ).returncode  # fmt: skip
    job = {
        "number": len(jobs()) + 1, "name": task["name"], "status": "FAILED" if code else "SUCCEEDED", "ended": True,
        "seconds": time.time() - began, "recoveries": 0, "machine": "slurm", "reason": "",
    }  # fmt: skip
    JOBS.write_text(json.dumps([*jobs(), job]))


def main() -> None:
    request = json.loads(sys.stdin.readline())
    answer: object = None
    match request["what"]:
        case "launch":
            try:
                launch(request)
            except RuntimeError as error:
                print(json.dumps({"error": str(error)}))
                return
        case "jobs":
            answer = jobs()
        case "prices":
            answer = {one["words"]: [["US", 0.6, time.strftime("%Y-%m-%d")]] for one in request["machines"]}
        case "controller":
            answer = {"machine": "AWS m6i.xlarge", "usd": 0.19, "idle_minutes": 10, "goes": False}
        case "logs":
            print((FOLDER / "log").read_text())
            return
    print(json.dumps({"answer": answer}))


if __name__ == "__main__":
    main()
