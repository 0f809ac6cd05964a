"""The machine seen from inside: its name, the place of its secrets, and how it ends itself."""

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from likeness.cloud import Machine, RunPodConfig
from likeness.cloud.parcel import HOME, SEALED, Rented, unseal
from likeness.cloud.runpod import POLL_S, RunPod
from likeness.cloud.task import JOB_KEY, STORE_SECRETS, UNSEAL
from likeness.disk import write_private
from likeness.secret_values import MIN_LETTERS
from likeness.team_keys import PRIVATE_KEY

AWS = "aws"
FIRST = Path("/proc/1/environ")


def take_secrets(folder: Path, environment: dict[str, str]) -> bool:
    """Open what is sealed in the folder: the bucket's keys and the job's become files of this user in its home, since every program
    inherits the environment and some print it; what programs want to have there by name is put there.

    Returns whether there was any: /proc goes on showing the environment that this program was started with.
    """
    home = folder / HOME
    home.mkdir(parents=True, exist_ok=True)
    if key := environment.pop(UNSEAL, None):
        found = unseal(folder / SEALED, key)
        _write_secret(home / PRIVATE_KEY, found.pop(JOB_KEY) + "\n")
        bucket = {name: found.pop(name) for name in STORE_SECRETS if name in found}
        if bucket:
            text = "".join(f"{name.lower()} = {value}\n" for name, value in bucket.items())
            _write_secret(home / AWS, f"[default]\n{text}")
        environment.update(found)
    if (home / AWS).is_file():
        environment["AWS_SHARED_CREDENTIALS_FILE"] = str(home / AWS)
    environment["LIKENESS_HOME"] = str(home)
    return bool(key)


def secret_values(home: Path, environment: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """What no line that the job prints or keeps may show: the bucket's keys, and those that programs have by these `names`."""
    lines = (home / AWS).read_text(encoding="ascii").splitlines() if (home / AWS).is_file() else []
    found = [line.partition(" = ")[2] for line in lines] + [environment.get(name, "") for name in names]
    return [value for value in found if len(value) >= MIN_LETTERS]


def this_machine(machines: Sequence[Rented], environment: dict[str, str]) -> tuple[str, float | None]:
    """In words, and what an hour of it costs (None: it is none that was priced)."""
    try:
        cloud = str(json.loads(environment.get("SKYPILOT_CLUSTER_INFO", "{}")).get("cloud", "")).lower()
    except ValueError:
        cloud = ""
    device = _device()
    for one in machines:
        mine = one.infra.partition("/")[0] == cloud
        if mine and (one.gpu is None or Machine(infra=one.infra, gpu=one.gpu).is_card(device)):
            return f"{one.infra} {one.gpu or device}".strip(), one.usd
    return f"{cloud} {device}".strip() or "unknown", None


def seconds_up(proc: Path = Path("/proc")) -> float:
    """How long this machine's first program has been running: since it booted, or its container was begun. 0 where that is hidden."""
    try:
        up_s = float((proc / "uptime").read_text().split()[0])
        ticks = int((proc / "1" / "stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0
    return max(up_s - ticks / os.sysconf("SC_CLK_TCK"), 0.0)


def given_by_runpod(config: RunPodConfig, first_program: Path = FIRST) -> tuple[str, str]:
    """The name of this pod and its own key, as RunPod puts them into the environment of its first program; empty elsewhere."""
    try:
        values = first_program.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        values = []
    first = dict(one.split("=", 1) for one in values if "=" in one)
    return first.get("RUNPOD_POD_ID", ""), first.get(config.api_key_env, "")


def end_pod(config: RunPodConfig, first_program: Path = FIRST, *, poll_s: float = POLL_S) -> str:
    """End this very machine at RunPod, with the key that RunPod gives each pod for itself; in words what became of it."""
    pod, key = given_by_runpod(config, first_program)
    if not pod or not key:
        return "only who rented this machine can end it"
    os.environ[config.api_key_env] = key
    with RunPod(config, stop=threading.Event(), poll_s=poll_s) as account:
        account.leave(pod)
    return f"RunPod ended the pod {pod}"


def _device() -> str:
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    write_private(path, text.encode("ascii"))
