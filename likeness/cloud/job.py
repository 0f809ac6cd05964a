"""What runs on the machine: `python -m likeness.cloud.job ../parcel.json` in the checked-out revision.

Consent is read, DVC pulls exactly what is needed, trains, evaluates, reports and pushes; git packs the experiment for the way
home. A dead man's timer watches all of it, and why it ended stands in the team's store.
"""

import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, Queue
from typing import cast

from likeness.cloud.dead_man import NO_CONTROLLER, DeadMan, End, Limits, working_s
from likeness.cloud.home import bring_home, share_paces
from likeness.cloud.machine import (
    end_pod,
    given_by_runpod,
    seconds_up,
    secret_values,
    take_secrets,
    this_machine,
)
from likeness.cloud.parcel import HOME, Parcel
from likeness.cloud.plan import STAGES
from likeness.cloud.records import JobRecords, Life
from likeness.cloud.task import BEGAN
from likeness.config import Config, load_config
from likeness.errors import LikenessError, ProviderError, TransientError, exit_on_error
from likeness.git import require_git
from likeness.paths import PARAMS, RepositoryPaths
from likeness.pipeline.stage import ALL_USES, CHECK_TARGET
from likeness.safety.consent import in_force
from likeness.safety.consent.revocations import LIST, state_folder
from likeness.store.s3 import Remote

SIGN_EVERY_S = 30.0
TICK_S = 0.5
# Training writes a checkpoint and sends it, which takes PATIENCE_S of shared_checkpoints.py at most.
GRACE_S = 75.0
WHO = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "likeness"), ("EMAIL", "likeness@localhost"))
}


class EndedError(LikenessError):
    """The timer ended the job."""

    def __init__(self, end: End) -> None:
        super().__init__(
            f"the job ended itself: {end.detail}",
            reason=end.reason,
            remedy="its checkpoints are in the store: `likeness launch` of the same goes on from there",
        )
        self.end = end


@dataclass(kw_only=True)
class Job:
    """One machine at work on a job. `clock` gives seconds that only go on; `stop` is set by a signal; `hidden` is never shown."""

    parcel: Parcel
    records: JobRecords
    timer: DeadMan
    clock: Callable[[], float] = time.monotonic
    sign_every_s: float = SIGN_EVERY_S
    tick_s: float = TICK_S
    grace_s: float = GRACE_S
    stop: threading.Event = field(default_factory=threading.Event)
    hidden: Sequence[str] = ()
    _signed: float = -1e9

    def run(self, *command: str) -> None:
        """Run a program and print what it prints.

        Raises:
            EndedError: the timer ended it.
            TransientError: `stopped`: the machine is being taken away.
            ProviderError: it failed; its last lines are the message.
        """
        lines: Queue[str | None] = Queue()
        tail: list[str] = []
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, **WHO},
        )
        threading.Thread(target=_read, args=(child, lines), daemon=True).start()
        try:
            while True:
                with contextlib.suppress(Empty):
                    line = lines.get(timeout=self.tick_s)
                    if line is None:
                        break
                    for value in self.hidden:
                        line = line.replace(value, "***")
                    sys.stdout.write(line)
                    sys.stdout.flush()
                    tail = [*tail[-19:], line]
                    self.timer.line(line)
                self._watch()
        except LikenessError:
            _end(child, self.grace_s)
            raise
        if code := child.wait():
            words = "".join(tail).strip()
            raise ProviderError(
                f"`{' '.join(command[-6:])}` ended with status {code}: {words}",
                reason="failed",
                remedy="`likeness cloud logs` has all of it",
            )

    def _watch(self) -> None:
        if self.stop.is_set():
            raise TransientError(
                "the machine is being taken away",
                reason="taken-away",
                remedy="another machine goes on from the last checkpoint",
            )
        if self.clock() - self._signed >= self.sign_every_s:
            self._signed = self.clock()
            # A store that does not answer for a while is what the timer counts; the work goes on.
            with contextlib.suppress(ProviderError):
                replaced = self.records.sign(seconds=self.timer.seconds, step=self.timer.step)
                self.timer.heard(self.records.lease(), replaced=replaced)
        if (end := self.timer.verdict()) is not None:
            raise EndedError(end)


def work(job: Job, cfg: Config, repository: RepositoryPaths) -> None:
    """The job itself; raises as `Job.run`, and ConsentError."""
    parcel, python = job.parcel, sys.executable

    def permit() -> object:
        return in_force(repository.root, parcel.persona, ALL_USES, place=job.records.remote)

    permit()
    job.run(python, "-m", "dvc", "pull", *parcel.pull)
    targets = [f"{stage}@{parcel.persona}" for stage in STAGES]
    # Without the data stages: what they made was up to date when this was launched, and is what was pulled.
    experiment = ("--single-item", "--name", parcel.experiment)
    job.run(python, "-m", "dvc", "exp", "run", *experiment, CHECK_TARGET, *targets)
    permit()  # hours later: nothing leaves once it has ended
    job.run(python, "-m", "dvc", "push", *targets)
    permit()
    bring_home(job.records, parcel.experiment, repository)
    share_paces(job.records.remote, cfg, repository, parcel.machines)


def main(path: Path) -> None:
    """Do what the parcel says; its folder holds everything else that came up with it."""
    parcel, folder = Parcel.read(path), path.absolute().parent
    if take_secrets(folder, cast("dict[str, str]", os.environ)):
        os.execv(sys.executable, [sys.executable, "-m", "likeness.cloud.job", str(path)])
    # The stages are `python -m stages...`: this one, whatever the machine calls python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    repository = RepositoryPaths.here()
    _place_revocations(folder / HOME / LIST, repository.root)
    # What was composed at the launch: nothing is composed here.
    shutil.copyfile(folder / PARAMS.name, repository.root / PARAMS)
    require_git("config", "--file", str(repository.root / ".dvc" / "config.local"), "hydra.enabled", "false")
    cfg = load_config(PARAMS)
    records = JobRecords(Remote(parcel.store, cfg.s3), parcel.job)
    machine, usd = this_machine(parcel.machines, dict(os.environ))
    life = begun(machine, usd, setup=_setup_began(folder / BEGAN), now=time.time(), up_s=seconds_up())
    life = replace(life, pod=given_by_runpod(cfg.cloud.runpod)[0])
    max_s = working_s(parcel.max_s)
    limits = Limits(
        max_s=max_s, silence_s=parcel.silence_s, lease_s=parcel.lease_s, probe_steps=parcel.probe_steps
    )
    timer = DeadMan(limits, spent_s=records.begin(life), before_s=life.seconds, clock=time.monotonic)
    hidden = secret_values(folder / HOME, os.environ, cfg.cloud.variables)
    job = Job(parcel=parcel, records=records, timer=timer, hidden=hidden)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: job.stop.set())
    with ended_in_words(job, cfg):
        work(job, cfg, repository)


def begun(machine: str, usd: float | None, *, setup: float, now: float, up_s: float) -> Life:
    """A machine as its work begins, in seconds of the epoch: what is rented is this job's alone, and was paid for before its
    setup began."""
    began = min(now - up_s, setup) if usd else setup
    since = datetime.datetime.fromtimestamp(began, datetime.UTC).isoformat(timespec="seconds")
    return Life(machine=machine, began=since, seconds=now - began, usd_per_hour=usd, booted_s=setup - began)


@contextlib.contextmanager
def ended_in_words(job: Job, cfg: Config) -> Generator[None]:
    """Keep in the store why it ended, whatever it was; a machine that nobody may be left to end, ends itself."""
    reason, detail = "failed", ""
    try:
        yield
        reason = "done"
    except LikenessError as error:
        reason, detail = error.reason, error.message
        raise
    except BaseException as error:
        detail = repr(error)
        raise
    finally:
        with contextlib.suppress(LikenessError):
            job.records.sign(seconds=job.timer.seconds, step=job.timer.step, end=reason, detail=detail)
        if reason == "controller-gone":
            # A controller that is there after all takes a pod that ended itself for lost, and rents another: it ends at once.
            with contextlib.suppress(LikenessError):
                job.records.renew(0)
        if reason in NO_CONTROLLER:
            with contextlib.suppress(LikenessError):
                sys.stderr.write(f"{end_pod(cfg.cloud.runpod)}\n")


def _place_revocations(path: Path, root: Path) -> None:
    target = state_folder(root) / LIST
    if path.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _setup_began(path: Path) -> float:
    try:
        return min(float(path.read_text()), time.time())
    except (OSError, ValueError):
        return time.time()


def _read(child: "subprocess.Popen[str]", lines: "Queue[str | None]") -> None:
    assert child.stdout is not None
    with child.stdout as said:
        for line in said:
            lines.put(line)
    lines.put(None)


def _end(child: "subprocess.Popen[str]", grace_s: float) -> None:
    """SIGTERM to the program and all its own, which saves a checkpoint; SIGKILL to what is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)


if __name__ == "__main__":
    with exit_on_error("likeness.cloud.job"):
        main(Path(sys.argv[1]))
