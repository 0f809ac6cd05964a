"""SkyPilot in an environment of its own: our program runs there under its Python, and answers in JSON.

Its pins and DVC's, MLflow's and ours do not go together, and no stage is to load it (docs/decisions/0019).
"""

import datetime
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from likeness.cloud import Machine
from likeness.errors import ConfigError, TransientError
from likeness.formatting import format_usd
from likeness.http.keys import KEY_HOSTS
from likeness.paths import RepositoryPaths

PYTHON = "LIKENESS_SKY"
PROGRAM = Path(__file__).with_name("sky_program.py")
ANSWER_WITHIN_S = 900.0
# A machine that hangs bills on while it is waited for.
CANCELLED_WITHIN_S = 120.0
MAX_WORDS = 2000
# Of the vendors that have keys here it rents at one.
NOT_FOR_IT = KEY_HOSTS.keys() - {"RUNPOD_API_KEY"}


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What an hour of a machine costs in one region, the day that was read, and who says so."""

    region: str
    usd: float
    date: datetime.date
    source: str = "SkyPilot's catalogue"


@dataclass(frozen=True, kw_only=True)
class Controller:
    """The machine that the engine takes to watch over jobs, beside theirs: what an hour of it costs (None: no price is known),
    after how many idle minutes it ends (None: never), and whether it then goes or only stops, and its disk bills on."""

    machine: str
    usd: float | None
    idle_minutes: int | None
    goes: bool

    @property
    def words(self) -> str:
        """For a person."""
        price = "at a price that nobody tells" if self.usd is None else f"at {format_usd(self.usd)} an hour"
        if self.idle_minutes is None:
            end = "until `sky down` ends it"
        elif self.goes:
            end = f"until {self.idle_minutes} minutes after its last job"
        else:
            end = f"until {self.idle_minutes} minutes after its last job; its disk, until `sky down`"
        return (
            f"Besides, SkyPilot's own controller bills ({self.machine}, {price}, {end}). It is no part of the sum, "
            "and serves all jobs. consolidation_mode does without it (docs/cloud.md)."
        )


@dataclass(frozen=True, kw_only=True)
class EngineJob:
    """A job as the engine knows it: `status` in its words (`RUNNING`, `RECOVERING`, `SUCCEEDED`, `FAILED`, ...), seconds
    its program ran, how often a machine was lost, why it failed; `left`: whether the engine ended without its machine, which may
    bill; `held_s`: seconds from when it began to rent until the machine was taken away, of all of them (0: it does not know);
    `there`: whether one has not been taken away yet."""

    number: int
    name: str
    status: str
    ended: bool
    seconds: float
    recoveries: int
    machine: str
    reason: str
    left: bool = False
    held_s: float = 0.0
    there: bool = False


class Engine:
    """What is asked of SkyPilot; `python` is that of its environment."""

    def __init__(self, python: Path) -> None:
        self._python = python

    @staticmethod
    def find(repository: RepositoryPaths) -> "Engine":
        """The engine that `make sky` installed, or that LIKENESS_SKY names.

        Raises:
            ConfigError: there is none.
        """
        python = Path(os.environ.get(PYTHON) or repository.cache / "sky" / "bin" / "python")
        if not python.is_file():
            raise ConfigError(
                f"the engine that rents machines is not installed: there is no {python}",
                reason="no-engine",
                remedy=f"`make sky` installs SkyPilot into .cache/sky; or export {PYTHON}=PYTHON of an environment that has it",
            )
        return Engine(python)

    def offers(self, machines: Sequence[Machine]) -> tuple[dict[str, list[Offer]], dict[str, str]]:
        """The catalogue's prices by `Machine.words`, and why it could not be read by those of the others; one that it does not
        have is in neither."""
        wanted = [
            {"words": one.words, "infra": one.infra, "gpu": one.gpu, "spot": one.spot}
            for one in machines
            if not one.own
        ]
        told = cast("dict[str, list[Any] | str]", self._ask("prices", machines=wanted)) if wanted else {}
        offers = {
            words: [
                Offer(region=str(region), usd=float(usd), date=datetime.date.fromisoformat(date))
                for region, usd, date in found
            ]
            for words, found in told.items()
            if not isinstance(found, str)
        }
        return offers, {words: why[:MAX_WORDS] for words, why in told.items() if isinstance(why, str)}

    def controller(self, machines: Sequence[Machine]) -> Controller | None:
        """What watching over jobs on these machines costs by itself; None where nothing does."""
        wanted = [{"infra": one.infra} for one in machines if not one.own]
        told = self._ask("controller", machines=wanted) if wanted else None
        return None if told is None else Controller(**told)

    def check(self, task: dict[str, Any]) -> None:
        """See that the engine can read a task.

        Raises:
            ConfigError: it cannot.
        """
        self._ask("check", task=task)

    def launch(self, task: dict[str, Any], secrets: Mapping[str, str]) -> None:
        """Hand a managed job over, with the values of its secrets; returns when the engine has taken it."""
        self._ask("launch", secrets, task=task, secrets=list(secrets))

    def jobs(self) -> list[EngineJob]:
        """All of likeness's jobs that the engine remembers, the newest first."""
        return [EngineJob(**one) for one in cast("list[dict[str, Any]]", self._ask("jobs"))]

    def cancel(self, number: int) -> None:
        """End a job and its machine."""
        self._ask("cancel", within_s=CANCELLED_WITHIN_S, number=number)

    def logs(self, number: int, *, follow: bool) -> Iterator[str]:
        """What a job printed, line by line."""
        with self._start("logs", {}, number=number, follow=follow) as process:
            assert process.stdout is not None
            yield from process.stdout

    def _ask(
        self,
        what: str,
        environment: Mapping[str, str] | None = None,
        within_s: float = ANSWER_WITHIN_S,
        **words: Any,
    ) -> Any:
        with self._start(what, environment or {}, **words) as process:
            try:
                out, errors = process.communicate(timeout=within_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise TransientError(
                    f"SkyPilot did not answer `{what}` within {within_s:.0f} s",
                    remedy="`likeness cloud status` shows whether it was carried out",
                ) from None
        try:
            said: object = json.loads(out.splitlines()[-1])
        except (IndexError, ValueError):
            said = None
        answer = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
        if "answer" not in answer:
            error = (
                answer.get("error")
                or errors
                or f"nothing that reads, and it ended with status {process.returncode}"
            )
            raise ConfigError(
                f"SkyPilot did not answer `{what}`: {str(error)[-MAX_WORDS:]}",
                reason=f"engine-{what}",
                remedy="`sky check` says which clouds it can use; nothing was changed here",
            )
        return answer["answer"]

    def _start(self, what: str, environment: Mapping[str, str], **words: Any) -> "subprocess.Popen[str]":
        # The request goes in by standard input: a process list shows what is on the command line.
        process = subprocess.Popen(
            [self._python, PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if what != "logs" else subprocess.DEVNULL,
            text=True,
            env={**_environment(), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1", **environment},
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps({"what": what, **words}) + "\n")
        process.stdin.flush()
        return process


def _environment() -> dict[str, str]:
    # Its server lives on with what the first question had in its environment.
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_IT}
