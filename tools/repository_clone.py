"""A clean clone with few photographs and a short training, and how to run DVC in it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from likeness.safety.consent.signing import PRIVATE_KEY

ROOT = Path(__file__).parents[1]
SOURCES = ("jade_01.jpg", "jade_03.jpg", "jade_06.jpg", "jade_07.jpg", "jade_08.png")
TARGETS = ("01_hana.jpg", "02_clara.jpg", "03_ines.jpg")
# Short, not other: the same programs, models and gates as the demo. A step is one batch: processes that compute side by
# side take longer to start than so few steps.
SHORT = (
    "dataset.side_px=256", "dataset.kohya.resolution_px=256", "train.data.side_px=64",
    "train.schedule.steps=12", "train.schedule.warmup_steps=2", "train.schedule.gradient_accumulation=1",
    "train.checkpoint.every_steps=2", "train.checkpoint.weights_every_steps=6", "evaluate.seeds=[1]", "evaluate.steps=2",
    "base=tiny_random", "train.lora.blocks=[up_blocks.1]", "train.lora.rank=4", "train.lora.alpha=2",
    "train.selection.probe_draws=1",
)  # fmt: skip
# No poll of a killed run takes longer; the machine may be busy.
PATIENCE_S = 240.0


class RepositoryClone:
    """One clone of likeness: run DVC in it, look at what came out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_"))
        }
        self.env.setdefault("LIKENESS_HOME", str(folder.absolute().parent / "likeness-home"))
        self.env |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "2"}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
        return done

    def dvc(self, *arguments: str, check: bool = True) -> str:
        done = self.run(sys.executable, "-m", "dvc", *arguments, check=check)
        return done.stdout + done.stderr

    def repro(self, *arguments: str) -> list[str]:
        """The stages that were really run."""
        return stages_run(self.dvc("repro", *arguments))

    def params(self, *overrides: str) -> None:
        self.run(sys.executable, "-m", "likeness", "params", *SHORT, *overrides)

    def sign(self, persona: str) -> None:
        """Sign a record that was changed, with a key of the clone's own where the environment has none."""
        home = Path(self.env["LIKENESS_HOME"])
        if not (home / PRIVATE_KEY).exists():
            self.run(sys.executable, "-m", "likeness", "consent", "keygen", "--name", "the clone")
        self.run(sys.executable, "-m", "likeness", "consent", "sign", persona, "--yes")

    def ledger(self, folder: str) -> dict[str, int]:
        return json.loads((self.folder / ".cache" / "ledger" / f"{folder}.json").read_text())

    def sha256(self, path: str) -> str:
        return hashlib.sha256((self.folder / path).read_bytes()).hexdigest()

    def tree(self, folder: str) -> dict[str, str]:
        base = self.folder / folder
        return {
            p.relative_to(base).as_posix(): self.sha256(f"{folder}/{p.relative_to(base)}")
            for p in sorted(base.rglob("*"))
            if p.is_file()
        }

    def records(self) -> int:
        return len(list((self.folder / ".cache" / "items" / "records").glob("*/*.json")))

    def kill_during(self, stage: str, reached: Callable[[], bool]) -> None:
        """Start one stage under DVC and kill -9 the whole process group as soon as `reached`."""
        started = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", "-s", f"{stage}@jade"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert started.poll() is None, f"{stage} ended before it could be killed"
            assert time.monotonic() < deadline, f"{stage} did not get that far"
            time.sleep(
                0.01
            )  # polling another process, not waiting for luck: the kill is checked by the caller
        os.killpg(started.pid, signal.SIGKILL)
        assert started.wait() == -signal.SIGKILL


def stages_run(said: str) -> list[str]:
    """The stages that `dvc repro` says it ran."""
    return [
        line.split("'")[1].split("@")[0].rpartition(":")[2]
        for line in said.splitlines()
        if line.startswith("Running stage")
    ]


def clone_repository(
    folder: Path, sources: tuple[str, ...] = SOURCES, targets: tuple[str, ...] = TARGETS
) -> RepositoryClone:
    """What a fresh `git clone` would hold, with fewer photographs."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in listed:
        path = Path(name)
        if "raw/sources" in name and path.name not in sources:
            continue
        if "raw/targets" in name and path.name not in targets:
            continue
        if path.name == "numbers.yaml":  # with fewer photographs there are other numbers
            continue
        if (ROOT / path).exists() and path.parts[0] not in ("tests", "docs", "bench") and name != "dvc.lock":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / path)
    (folder / "data/jade/captions_override").mkdir(exist_ok=True, parents=True)
    clone = RepositoryClone(folder)
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    clone.run("git", "init", "-q")
    clone.run("git", "config", "core.looseCompression", "0")  # a clone of minutes: 1.5 s of a processor
    clone.params()
    clone.run("git", "add", "-A")
    clone.run(*git, "commit", "-q", "-m", "clone")
    return clone
