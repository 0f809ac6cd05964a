"""What a launch and its machines write down in the team's store, below cloud/JOB/: whoever has the store can read it, also
after the machine is gone and on another computer. Whoever can write to it can write anything: what changes this computer is read
by `signed_launch` and `check_results` alone.

    launch.json       who trains what, from which revision, at which prices and caps; written before the launch
    lease.json        how long the machine may go on unwatched; renewed by a launch that waits, ended by `likeness cloud stop`
    lives.json        a line for each machine: since when, its last sign, its step, why it ended
    results.bundle    the experiment, as git hands it over
    results.json      the machine's signature of it and of its runs, by the job's key, which launch.json names
    mlflow.db         the machine's runs, where no tracking server took them

Below cloud/trains/DIGEST/ is an empty file for each job of that training.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.store.s3 import Remote
from likeness.team_keys import TeamKeys

ROOT = "cloud"
PACES, TRAINS = "paces", "trains"
DONE, TAKEN_AWAY = "done", "taken-away"
LAUNCH, LEASE, LIVES, RESULTS, RUNS = "launch.json", "lease.json", "lives.json", "results.bundle", "mlflow.db"
SIGNED = "results.json"
LAUNCHED_BY, BROUGHT_BY = "launch of a job", "results of a job"


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The machine may go on for `seconds` from when it first sees this `serial`: no two clocks are compared."""

    serial: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Life:
    """One machine of a job: since when it is paid for (UTC, ISO), seconds up to its last sign, `booted_s` of which passed before
    setup began, what an hour of it costs (None: not known which machine it is), the step of training, `end`, why it ended
    (empty while it runs, and for good where it was lost without a word), and `pod`, RunPod's name for it, by which it is billed."""

    machine: str
    began: str
    seconds: float
    usd_per_hour: float | None
    booted_s: float = 0.0
    step: int = 0
    end: str = ""
    detail: str = ""
    pod: str = ""


class JobRecords:
    """The records of one job."""

    def __init__(self, remote: Remote, job: str) -> None:
        self.remote, self.job = remote, job
        self._lives: list[Life] | None = None

    @property
    def results(self) -> str:
        """The name of the experiment's bundle."""
        return f"{ROOT}/{self.job}/{RESULTS}"

    @property
    def runs(self) -> str:
        """The name of the machine's MLflow database."""
        return f"{ROOT}/{self.job}/{RUNS}"

    def announce(self, launch: Mapping[str, Any], *, job_key: str = "") -> None:
        """Write down what is about to be launched, signed; who launches the same training then sees it. `job_key` is the public
        half of what its machines sign with."""
        if trains := launch.get("trains"):
            self.remote.write(f"{ROOT}/{TRAINS}/{trains}/{self.job}", b"")
        said = {**launch, "key": job_key}
        self._write(LAUNCH, {**said, "signature": TeamKeys(LAUNCHED_BY).sign(self._launch_bytes(said))})

    def launch(self) -> dict[str, Any] | None:
        """What was launched, as the store says; None where nobody wrote it."""
        return self._read(LAUNCH)

    def signed_launch(self) -> dict[str, Any]:
        """What was launched, by a member's word.

        Raises:
            InputError: `forged`: no member signed what the store says.
        """
        said = self.launch() or {}
        signature, team, data = said.pop("signature", None), TeamKeys(LAUNCHED_BY), self._launch_bytes(said)
        if team.signer(data, signature) is None:
            key = team.key_of(data, signature)
            by = f"; {key} did" if key else ""
            raise InputError(
                f"no member of the team signed what the store says of the launch of {self.job}{by}",
                reason="forged",
                remedy="only if this is the key of who launched it (`likeness keys team` shows it there; before a reinstall your own "
                "was another): `likeness keys team --allow KEY --name NAME`; else nothing of it is to be trusted",
            )
        return said

    def sign_results(self, bundle: bytes, runs: bytes | None) -> None:
        """Sign what the machine brings back, with the job's key, which is its own."""
        self._write(SIGNED, TeamKeys(BROUGHT_BY).sign(self._results_bytes(bundle, runs)))

    def check_results(self, job_key: str, bundle: bytes, runs: bytes | None) -> None:
        """See that the job's machine brought back these bytes.

        Raises:
            InputError: `forged`.
        """
        if not TeamKeys(BROUGHT_BY).is_signed_by(
            job_key, self._results_bytes(bundle, runs), self._read(SIGNED)
        ):
            raise InputError(
                f"what the store has as results of {self.job} is not what its machine brought back",
                reason="forged",
                remedy="see who can write to the store; train it again",
            )

    def _launch_bytes(self, said: Mapping[str, Any]) -> bytes:
        return f"{self.job}\n{json.dumps(said, sort_keys=True)}".encode()

    def _results_bytes(self, bundle: bytes, runs: bytes | None) -> bytes:
        return f"{self.job}\n{sha256_bytes(bundle)}\n{'' if runs is None else sha256_bytes(runs)}".encode()

    def lease(self) -> Lease | None:
        """How long the machine may go on; None where nobody gave a lease."""
        found = self._read(LEASE)
        return None if found is None else Lease(**found)

    def renew(self, seconds: float) -> None:
        """Let the machine go on for so long; 0 ends it, for good: who waits for a job that another one stopped renews nothing."""
        before = self.lease()
        if before is not None and before.seconds <= 0:
            return
        self._write(LEASE, asdict(Lease(serial=before.serial + 1 if before else 1, seconds=seconds)))

    def lives(self) -> list[Life]:
        """The machines so far, oldest first."""
        return [Life(**one) for one in cast("list[dict[str, Any]]", self._read(LIVES) or [])]

    @property
    def end(self) -> str | None:
        """Why the job ended for good; None while a machine of it may come, or come again."""
        lives, lease = self.lives(), self.lease()
        last = lives[-1].end if lives else ""
        if last not in ("", TAKEN_AWAY):
            return last
        return "stopped" if lease is not None and lease.seconds <= 0 else None

    def begin(self, life: Life) -> float:
        """Write a machine down; returns the seconds that those before it took."""
        earlier = self.lives()
        self._lives = [*earlier, life]
        self._write(LIVES, [asdict(one) for one in self._lives])
        return sum(one.seconds for one in earlier)

    def sign(self, **changes: Any) -> bool:
        """Write what changed of this machine; returns whether another one began after it."""
        assert self._lives, "a machine begins first"
        self._lives[-1] = replace(self._lives[-1], **changes)
        # A machine that was taken for lost may still be there: each writes its own line only.
        known, place = self.lives(), len(self._lives) - 1
        earlier, later = known[:place], known[place + 1 :]
        if len(earlier) == place:
            self._lives[:place] = earlier
        self._write(LIVES, [asdict(one) for one in (*self._lives, *later)])
        return bool(later)

    def _write(self, name: str, value: Mapping[str, Any] | Sequence[Any]) -> None:
        self.remote.write(f"{ROOT}/{self.job}/{name}", json.dumps(value, indent=2).encode())

    def _read(self, name: str) -> Any:
        data = self.remote.read(f"{ROOT}/{self.job}/{name}")
        return None if data is None else json.loads(data)


def job_names(remote: Remote) -> list[str]:
    """Every job that the store knows of."""
    names = {name.split("/")[1] for name in remote.names(ROOT) if name.endswith(f"/{LAUNCH}")}
    return sorted(names)


def training_jobs(remote: Remote, trains: str) -> list[str]:
    """Every job that was announced to train just this (`LaunchPlan.trains`), whatever became of it."""
    return sorted(name.rpartition("/")[2] for name in remote.names(f"{ROOT}/{TRAINS}/{trains}"))


def pace_file(card: str, name: str) -> str:
    """Where the pace of a card is shared."""
    return f"{ROOT}/{PACES}/{card}/{name}"
