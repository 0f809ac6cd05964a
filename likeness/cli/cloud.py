"""What runs on rented machines, found from the engine, the provider and the team's store, and from no file of this computer."""

import json
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from likeness.cli.arguments import Json
from likeness.cli.tables import console, say, table
from likeness.cloud.engine import Engine, EngineJob
from likeness.cloud.records import JobRecords, Life, job_names
from likeness.cloud.runpod import Pod, RunPod
from likeness.config import Config, load_config
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.formatting import format_seconds, format_usd
from likeness.paths import PARAMS, RepositoryPaths
from likeness.purchases.budget import Spending
from likeness.purchases.history import purchases
from likeness.store import team_store
from likeness.store.s3 import Remote

Job = Annotated[str, typer.Argument(metavar="JOB")]


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job as all three know it: `seconds` is what its machines took, up to their last signs or as the engine counts them;
    `pods` are RunPod's machines under its name, which bill."""

    name: str
    status: str
    ended: bool
    lives: Sequence[Life]
    seconds: float
    usd: float
    usd_max: float | None
    reason: str
    pods: Sequence[Pod]
    number: int | None = None


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
            raise ConfigError("jobs are recorded in the team's store: items.remote is not set", reason="no-store",
                              remedy="set items.remote in conf/items/ as it was at the launch")  # fmt: skip
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

    def jobs(self) -> tuple[list[JobView], list[Pod]]:
        """Every job, and the machines at RunPod that belong to none of them."""
        known = {one.name: one for one in (self.engine.jobs() if self.engine else [])}
        pods = self.pods()
        names = sorted({*known, *job_names(self.store)})
        views = [
            self._view(name, known.get(name), [pod for pod in pods if name in pod.name]) for name in names
        ]
        taken = {pod.id for view in views for pod in view.pods}
        return views, [pod for pod in pods if pod.id not in taken]

    def job(self, name: str) -> JobView:
        """One job by its name.

        Raises:
            InputError: nobody knows it.
        """
        found = next((one for one in self.jobs()[0] if one.name == name), None)
        if found is None:
            raise InputError(f"neither the engine nor the team's store knows a job {name}", reason="no-job",
                             remedy="`likeness cloud status` lists them")  # fmt: skip
        return found

    def _view(self, name: str, job: EngineJob | None, pods: Sequence[Pod]) -> JobView:
        records = JobRecords(self.store, name)
        lives, launch = records.lives(), records.launch() or {}
        dearest = max((one["usd_per_hour"] for one in launch.get("machines", [])), default=0.0)
        # The engine's time has what passed after a lost machine's last sign, and not what installing took.
        told_s = sum(life.seconds for life in lives)
        usd = sum(
            life.seconds / 3600 * (dearest if life.usd_per_hour is None else life.usd_per_hour)
            for life in lives
        )
        counted_s = 0.0 if job is None else job.seconds + sum(life.installed_s for life in lives)
        seconds = max(told_s, counted_s)
        last = lives[-1].usd_per_hour if lives else None
        usd += (seconds - told_s) / 3600 * (dearest if last is None else last)
        end = lives[-1].end if lives else ""
        words = lives[-1].detail if lives and lives[-1].detail else end
        return JobView(
            name=name,
            number=job.number if job else None,
            status=job.status if job else (end or "not known to the engine"),
            # What a dead controller left behind bills until it ends itself.
            ended=job.ended and not (job.left and records.end is None) if job else bool(end),
            lives=lives,
            seconds=seconds,
            usd=usd,
            usd_max=launch.get("usd_max"),
            reason=words or (job.reason if job else ""),
            pods=pods,
        )


def status_command(as_json: Json = False) -> int:
    """Show every job, why its machines ended, and what bills.

    From the engine, the provider and the team's store. Exit status 1 when a machine bills for a job that has ended.

    \b
    Examples:
      likeness cloud status
      likeness cloud status --json
    """
    cloud = Cloud.here()
    views, strangers = cloud.jobs()
    settle(cloud, views)
    left = [pod for view in views if view.ended for pod in view.pods]
    if as_json:
        values = {"jobs": [asdict(one) for one in views], "other_pods": [asdict(pod) for pod in strangers]}
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
        return int(bool(left))
    terminal = console()
    view = table("jobs", left=("job", "status", "machine", "why"), right=("machines", "step", "time", "cost"))
    for one in views:
        last = one.lives[-1] if one.lives else None
        view.add_row(
            one.name, one.status.lower(), last.machine if last else "-", one.reason or "-",
            str(len(one.lives)), str(last.step) if last else "-", format_seconds(one.seconds), format_usd(one.usd),
        )  # fmt: skip
    terminal.print(view if views else "No job is known.", highlight=False)
    if cloud.engine is None:
        say(terminal, "The engine is not installed here: what it runs is not shown (`make sky`).")
    for pod in left:
        say(terminal, f"BILLS: pod {pod.id} ({pod.name}) at {format_usd(pod.usd_per_hour)} an hour, of a job that has ended: "
                      f"likeness cloud stop {pod.id}")  # fmt: skip
    for pod in strangers:
        say(terminal, f"also bills at RunPod, and is no job of likeness here: pod {pod.id} ({pod.name}), "
                      f"{format_usd(pod.usd_per_hour)} an hour")  # fmt: skip
    return int(bool(left))


def logs_command(
    job: Job, follow: Annotated[bool, typer.Option("--follow", help="Stay until it has ended.")] = False
) -> None:
    """Print what a job printed.

    \b
    Example:
      likeness cloud logs JOB --follow
    """
    cloud = Cloud.here()
    view = cloud.job(job)
    if cloud.engine is not None and view.number is not None:
        for line in cloud.engine.logs(view.number, follow=follow):
            sys.stdout.write(line)
        return
    for life in view.lives:
        sys.stdout.write(
            f"{life.began} {life.machine}: step {life.step}, {format_seconds(life.seconds)}, {life.end} {life.detail}\n"
        )


def stop_command(job: Annotated[str, typer.Argument(metavar="JOB|POD")]) -> None:
    """End a job or a pod, and see that it is gone.

    \b
    Example:
      likeness cloud stop JOB
    """
    cloud = Cloud.here()
    views, strangers = cloud.jobs()
    everywhere = [*strangers, *(pod for view in views for pod in view.pods)]
    if any(pod.id == job for pod in everywhere):
        _terminate(cloud, [job])
        sys.stdout.write(f"pod {job} is gone\n")
        return
    view = cloud.job(job)
    # First the lease: the machine ends itself even where nothing below gets through.
    JobRecords(cloud.store, job).renew(0)
    problem: LikenessError | None = None
    if cloud.engine is not None and view.number is not None and not view.ended:
        try:
            cloud.engine.cancel(view.number)
        except LikenessError as error:  # the provider can end the machine all the same
            problem = error
    _terminate(cloud, [pod.id for pod in cloud.job(job).pods])
    view = cloud.job(job)
    settle(cloud, [view])
    sys.stdout.write(
        f"{job}: {view.status.lower()}; its machine ends within a minute; {format_usd(view.usd)} so far\n"
    )
    if problem is not None:
        raise problem


def cost_command(as_json: Json = False) -> None:
    """Show what each job cost, and book it.

    \b
    Examples:
      likeness cloud cost
      likeness cloud cost --json
    """
    cloud = Cloud.here()
    views, _ = cloud.jobs()
    settle(cloud, views)
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in views], indent=2) + "\n")
        return
    view = table("cost", left=("job", "status"), right=("time", "cost", "at most"))
    for one in views:
        most = "-" if one.usd_max is None else format_usd(one.usd_max)
        view.add_row(one.name, one.status.lower(), format_seconds(one.seconds), format_usd(one.usd), most)
    console().print(view if views else "No job is known.", highlight=False)


def settle(cloud: Cloud, views: Sequence[JobView]) -> None:
    """Book what the jobs that have ended really cost, where this computer reserved money for them."""
    spending = Spending(
        cloud.repository.spending,
        prices=cloud.cfg.prices,
        budget=cloud.cfg.budget,
        stage="launch",
        persona="",
    )
    reserved = {one.key: one.id for one in purchases(cloud.repository.spending) if one.end == "open"}
    for view in views:
        # While a machine of it still bills, the most it can cost keeps counting.
        if view.ended and not view.pods and view.name in reserved:
            spending.pay(reserved[view.name], view.usd, {"hours": round(view.seconds / 3600, 4)})


def _terminate(cloud: Cloud, pods: Sequence[str]) -> None:
    if pods:
        with RunPod(cloud.cfg.cloud.runpod, stop=threading.Event()) as account:
            for pod in pods:
                account.terminate(pod)
