"""The plan of a launch: machines, price of an hour, hours, the highest possible cost, and what is transferred."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from likeness.cloud import Machine
from likeness.cloud.engine import Controller
from likeness.cloud.prices import PricedMachine
from likeness.cloud.records import pace_file
from likeness.config import Config
from likeness.formatting import format_bytes, format_seconds, format_usd
from likeness.paths import RepositoryPaths
from likeness.store.s3 import Remote
from likeness.train.pace import Pace, pace_name, parse_pace, recall

STAGES = ("train", "evaluate", "report")
"""What runs on the machine, in this order; check runs before them."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Something that goes up or comes down: bytes, files and DVC's digest where they are known."""

    path: str
    bytes: int | None = None
    files: int | None = None
    md5: str | None = None

    @property
    def words(self) -> str:
        """For a person: `data/jade/ingested (12 files, 3.1 MB)`."""
        size = [] if self.files is None else [f"{self.files} file{'' if self.files == 1 else 's'}"]
        size += [] if self.bytes is None else [format_bytes(self.bytes)]
        return f"{self.path} ({', '.join(size)})" if size else self.path


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A machine with its price, and how fast this very training went on its card (None: nobody has measured it)."""

    priced: PricedMachine
    pace: Pace | None

    def seconds(self, steps: int | None) -> float | None:
        """How long so many steps take on it."""
        return None if self.pace is None or steps is None else self.pace.seconds_a_step * steps


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """All that is shown before somebody says yes. `trains` is a digest of what decides the result; `steps` is None where
    the stage counts them from epochs."""

    job: str
    persona: str
    revision: str
    experiment: str
    queued: str | None
    changes: Sequence[str]
    candidates: Sequence[Candidate]
    left_out: Sequence[str]
    steps: int | None
    max_hours: float
    up: Sequence[Load]
    down: Sequence[Load]
    data_remote: str
    keys: Sequence[str]
    task: dict[str, Any]
    controller: Controller | None
    trains: str

    @property
    def usd_max(self) -> float:
        """The most that its machines can cost: the dearest one up to the cap."""
        return self.max_hours * max(one.priced.usd for one in self.candidates)

    @property
    def called(self) -> str:
        """For a person: its name in the queue, else what is other in it than in the settings here."""
        return self.experiment if self.queued is not None else ", ".join(self.changes)

    def values(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "job": self.job,
            "persona": self.persona,
            "revision": self.revision,
            "experiment": self.experiment,
            "queued": self.queued,
            "changes": list(self.changes),
            "trains": self.trains,
            "machines": [self._machine(one) for one in self.candidates],
            "left_out": list(self.left_out),
            "steps": self.steps,
            "max_hours": self.max_hours,
            "usd_max": self.usd_max,
            "up": [vars(one) for one in self.up],
            "down": [vars(one) for one in self.down],
            "data_remote": self.data_remote,
            "keys": list(self.keys),
            "task": self.task,
            "controller": None if self.controller is None else asdict(self.controller),
        }

    def sentences(self) -> list[str]:
        """What a person is to know of this job alone."""
        of = (
            self.persona
            if self.queued is None
            else f"{self.persona} for the queued experiment {self.experiment}"
        )
        lines = [f"Job {self.job}: {', '.join(STAGES)} of {of} at revision {self.revision[:10]}."]
        return lines + [f"  with {one}" for one in self.changes]

    def common_sentences(self, probe_steps: int, jobs: int) -> list[str]:
        """What a person is to know of all jobs that are launched with it."""
        lines = ["The first of these machines that can be had" + (":" if jobs == 1 else ", for each job:")]
        lines += [f"  {self._words(one)}" for one in self.candidates]
        lines += [f"  left out: {one}" for one in self.left_out]
        if any(one.pace is None for one in self.candidates):
            lines.append(
                f"Hours are unknown where nobody measured this training on the card: the machine measures {probe_steps} steps "
                f"and ends where the rest would not fit into {self.max_hours:g} h."
            )
        if any(one.pace is not None for one in self.candidates):
            lines.append(
                "Hours and their price are of training alone: installation, evaluation and report come on top."
            )
        whole = format_bytes(sum(one.bytes or 0 for one in self.up))
        lines += [f"Goes up, {whole} by {self.data_remote}:", *(f"  {one.words}" for one in self.up)]
        lines += [f"  keys, sealed: {', '.join(self.keys)}"]
        lines += ["Comes down:", *(f"  {one.words}" for one in self.down)]
        # Last, above the question.
        most = f"{format_usd(self.usd_max)}: {self.max_hours:g} h in all, lost machines included, of the dearest at this price"
        if jobs == 1:
            lines.append(f"At most {most}.")
        else:
            lines.append(f"At most {format_usd(jobs * self.usd_max)}, for each of {jobs} jobs {most}.")
        return lines + ([] if self.controller is None else [self.controller.words])

    def _words(self, one: Candidate) -> str:
        priced, seconds = one.priced, one.seconds(self.steps)
        price = (
            f"{format_usd(priced.usd)} an hour ({priced.source}{f', {priced.date}' if priced.date else ''})"
        )
        if seconds is None:
            return f"{priced.machine.words}: {price}; hours unknown"
        assert one.pace is not None
        cost = seconds / 3600 * priced.usd
        return (
            f"{priced.machine.words}: {price}; training {format_seconds(seconds)}, {format_usd(cost)}, at "
            f"{one.pace.seconds_a_step:.3g} s a step measured over {one.pace.steps} steps on {one.pace.device}"
        )

    def _machine(self, one: Candidate) -> dict[str, Any]:
        return {
            "infra": one.priced.machine.infra,
            "gpu": one.priced.machine.gpu,
            "spot": one.priced.machine.spot,
            "usd_per_hour": one.priced.usd,
            "source": one.priced.source,
            "date": str(one.priced.date) if one.priced.date else None,
            "training_s": one.seconds(self.steps),
            "measured_on": one.pace.device if one.pace else None,
        }


def measured_pace(cfg: Config, machine: Machine, repository: RepositoryPaths, store: Remote) -> Pace | None:
    """What a run of these very settings took on this card, here or on a machine that was rented before.

    Raises:
        AuthError, ConfigError, TransientError: the store cannot be asked.
    """
    own = recall(cfg, repository, "cuda")
    if own is not None and machine.is_card(own.device):
        return own
    if machine.gpu is None:
        return None
    shared = store.read(pace_file(machine.gpu, pace_name(cfg, "cuda")))
    return None if shared is None else parse_pace(shared)
