"""What runs on rented machines, found from the engine, the provider and the team's store, and from no file of this computer."""

import datetime
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from likeness.cli.arguments import kept
from likeness.cloud.bills import Bills
from likeness.cloud.engine import Engine, EngineJob
from likeness.cloud.records import JobRecords, Life, job_names
from likeness.cloud.runpod import Pod, RunPod
from likeness.config import Config, load_config
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.purchases.budget import Spending
from likeness.purchases.history import purchases
from likeness.store import team_store
from likeness.store.s3 import Remote

ESTIMATE = "estimate"
SUCCEEDED = "SUCCEEDED"
RENEW_EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job as all three know it: `ended` when its last machine was taken away, too, `leaves` while that is under way; `seconds` is
    what its machines took, up to their last signs or as the engine counts them; `usd` is the bill of `by`, or our estimate;
    `lost` are the machines that the engine lost, `pods` RunPod's under its name, which bill."""

    name: str
    status: str
    ended: bool
    lives: Sequence[Life]
    seconds: float
    usd: float
    by: str
    lost: int
    usd_max: float | None
    reason: str
    pods: Sequence[Pod]
    number: int | None = None
    leaves: bool = False


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that is known: jobs, machines at RunPod that belong to none of them, why somebody could not be asked, and why a cost
    is an estimate."""

    jobs: Sequence[JobView]
    strangers: Sequence[Pod]
    problems: Sequence[LikenessError]
    notes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """What there is to ask; `engine` is None where none is installed here."""

    cfg: Config
    repository: RepositoryPaths
    store: Remote
    engine: Engine | None

    @staticmethod
    def here() -> "Cloud":
        """As params.yaml says.

        Raises:
            ConfigError: no store is set.
        """
        cfg, repository = load_config(PARAMS), RepositoryPaths.here()
        if (store := team_store(cfg)) is None:
            raise ConfigError(
                "jobs are recorded in the team's store: items.remote is not set",
                reason="no-store",
                remedy="set items.remote in conf/items/ as it was at the launch",
            )
        try:
            engine = Engine.find(repository)
        except ConfigError:
            engine = None
        return Cloud(cfg=cfg, repository=repository, store=store, engine=engine)

    def pods(self) -> list[Pod]:
        """RunPod's machines; none where there is no key for it."""
        if not os.environ.get(self.cfg.cloud.runpod.api_key_env):
            return []
        with RunPod(self.cfg.cloud.runpod, stop=threading.Event()) as account:
            return account.pods()

    def jobs(self) -> Known:
        """Every job, and the machines at RunPod that belong to none of them; an engine or a provider that cannot be asked
        hides nothing of what the others know."""
        problems: list[LikenessError] = []
        known: dict[str, EngineJob] = {}
        pods: list[Pod] = []
        with kept(problems):
            known = {one.name: one for one in (self.engine.jobs() if self.engine else [])}
        with kept(problems):
            pods = self.pods()
        names = sorted({*known, *job_names(self.store)})
        views = [
            self._view(name, known.get(name), [pod for pod in pods if name in pod.name]) for name in names
        ]
        if self.engine and not problems:
            views = [replace(one, ended=one.ended or self._never_began(one)) for one in views]
        taken = {pod.id for view in views for pod in view.pods}
        strangers = [pod for pod in pods if pod.id not in taken]
        return Known(jobs=views, strangers=strangers, problems=problems)

    def _never_began(self, view: JobView) -> bool:
        """Whether a launch was interrupted before the engine had it, and nobody may take it up any more."""
        return view.number is None and not view.lives and JobRecords(self.store, view.name).end is not None

    def job(self, name: str, known: Known | None = None) -> JobView:
        """One job by its name.

        Raises:
            InputError: nobody knows it.
            LikenessError: nobody who can be asked knows it.
        """
        known = known or self.jobs()
        found = next((one for one in known.jobs if one.name == name), None)
        if found is None and known.problems:
            raise known.problems[0]
        if found is None:
            raise InputError(
                f"neither the engine nor the team's store knows a job {name}",
                reason="no-job",
                remedy="`likeness cloud status` lists them",
            )
        return found

    def _view(self, name: str, job: EngineJob | None, pods: Sequence[Pod]) -> JobView:
        records = JobRecords(self.store, name)
        lives, launch = records.lives(), records.launch() or {}
        dearest = max((one["usd_per_hour"] for one in launch.get("machines", [])), default=0.0)
        # The engine knows best how long it held them. Where it does not, its time has what passed after a lost machine's last
        # sign, and not what passed before setup began.
        told_s = sum(life.seconds for life in lives)
        usd = sum(
            life.seconds / 3600 * (dearest if life.usd_per_hour is None else life.usd_per_hour)
            for life in lives
        )
        counted_s = 0.0 if job is None else job.seconds + sum(life.booted_s for life in lives)
        # A dead controller's machine is taken away by nobody, and counts no longer than it gave signs.
        held_s = 0.0 if job is None or job.left else job.held_s
        seconds = max(told_s, counted_s, held_s)
        last = lives[-1].usd_per_hour if lives else None
        usd += (seconds - told_s) / 3600 * (dearest if last is None else last)
        end = lives[-1].end if lives else ""
        words = lives[-1].detail if lives and lives[-1].detail else end
        return JobView(
            name=name,
            number=job.number if job else None,
            leaves=job is not None and job.ended and job.there and not job.left,
            status=job.status if job else (end or "not known to the engine"),
            ended=_is_over(job, records),
            lives=lives,
            seconds=seconds,
            usd=usd,
            by=ESTIMATE,
            lost=job.recoveries if job else 0,
            usd_max=launch.get("usd_max"),
            reason=words or (job.reason if job else ""),
            pods=pods,
        )


def _is_over(job: EngineJob | None, records: JobRecords) -> bool:
    if job is None:  # a machine that was taken away is replaced, perhaps by an engine that is not here
        lives = records.lives()
        return bool(lives and lives[-1].end and records.end)
    # What a dead controller left behind bills until it ends itself.
    return job.ended and not (records.end is None if job.left else job.there)


def _billed(view: JobView, bills: Bills) -> JobView:
    """The same with the provider's bill, where the job is over and all of it is billed."""
    if not view.ended or view.pods:
        return view
    usd = bills.of(view.name, view.lives, view.lost, view.usd)
    return view if usd is None else replace(view, usd=usd, by="RunPod")


def settle(cloud: Cloud, known: Known) -> Known:
    """What is known, with the provider's bills; what jobs that have ended really cost is booked, where this computer reserved
    money for them, also in place of an estimate that was booked before. Who is to end a machine does not wait for bills."""
    bills = Bills(cloud.cfg, datetime.datetime.now(datetime.UTC))
    known = replace(known, jobs=[_billed(view, bills) for view in known.jobs], notes=bills.notes)
    if known.problems:
        return known  # what may still bill keeps counting
    spending = Spending(
        cloud.repository.spending,
        prices=cloud.cfg.prices,
        budget=cloud.cfg.budget,
        stage="launch",
        persona="",
    )
    bought = {one.key: one for one in purchases(cloud.repository.spending) if one.end != "void"}
    for view in known.jobs:
        # While a machine of it still bills, the most it can cost keeps counting.
        if not view.ended or view.pods or (mine := bought.get(view.name)) is None:
            continue
        if mine.end == "open" or (view.by != ESTIMATE and view.usd != mine.usd):
            spending.pay(mine.id, view.usd, {"hours": round(view.seconds / 3600, 4), "by": view.by})
    return known


def wait_for(jobs: Iterable[str], store: Remote, engine: Engine, *, lease_s: float) -> list[str]:
    """Stay until all have ended, and renew their leases: where this computer is gone, the machines end themselves. Who does not
    answer is asked again in the next round. Returns those that did not succeed."""
    failed: list[str] = []
    waiting = {job: JobRecords(store, job) for job in jobs}
    while waiting:
        try:
            known = {one.name: one for one in engine.jobs()}
        except LikenessError as error:
            sys.stderr.write(f"launch: {error.message}\n")
            known = {}
        for name, records in list(waiting.items()):
            try:
                told = _wait_round(records, known.get(name), lease_s)
            except LikenessError as error:
                told = error.message
            sys.stderr.write(f"launch: {name} {told}\n")
            if name in known and known[name].ended:
                del waiting[name]
                failed += [name] if known[name].status != SUCCEEDED else []
        time.sleep(RENEW_EVERY_S if waiting else 0)
    return failed


def _wait_round(records: JobRecords, job: EngineJob | None, lease_s: float) -> str:
    if job is not None and job.ended:
        then = "fetch` brings it here" if job.status == SUCCEEDED else "status` says why"
        return f"{job.status.lower()}; `likeness cloud {then}"
    records.renew(lease_s)
    lives = records.lives()
    step = f", step {lives[-1].step} on {lives[-1].machine}" if lives else ""
    return f"{job.status.lower() if job else 'not known yet'}{step}"
