"""The commands for what runs on rented machines: `likeness cloud status|logs|stop|cost`."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from likeness.cli.arguments import Json, kept, print_json
from likeness.cli.cloud_jobs import Cloud, JobView, Known, settle
from likeness.cli.tables import say, show, table
from likeness.cloud.records import JobRecords, job_names
from likeness.cloud.runpod import RunPod
from likeness.errors import LikenessError
from likeness.formatting import format_seconds, format_usd

Job = Annotated[str, typer.Argument(metavar="JOB")]


def status_command(as_json: Json = False) -> int:
    """Show every job, why its machines ended, and what bills.

    From the engine, the provider and the team's store. Exit status 1 when a machine bills for a job that has ended.

    \b
    Examples:
      likeness cloud status
      likeness cloud status --json
    """
    cloud = Cloud.here()
    known = settle(cloud, cloud.jobs())
    left = [pod for view in known.jobs if view.ended for pod in view.pods]
    if as_json:
        values = {
            "jobs": [asdict(one) for one in known.jobs],
            "other_pods": [asdict(pod) for pod in known.strangers],
            "problems": [one.message for one in known.problems],
            "notes": list(known.notes),
        }
        print_json(values)
        return int(bool(left or known.problems))
    view = table("jobs", left=("job", "status", "machine", "why"), right=("machines", "step", "time", "cost"))
    for one in known.jobs:
        last = one.lives[-1] if one.lives else None
        view.add_row(
            one.name,
            one.status.lower(),
            last.machine if last else "-",
            one.reason or "-",
            str(len(one.lives)),
            str(last.step) if last else "-",
            format_seconds(one.seconds),
            format_usd(one.usd),
        )
    show(view) if known.jobs else say("No job is known.")
    if cloud.engine is None:
        say("The engine is not installed here: what it runs is not shown (`make sky`).")
    for problem in known.problems:
        say(f"Not all is known: {problem}")
    _tell(known)
    for one in known.jobs:
        if one.leaves:
            say(f"{one.name} has ended; its machine bills until SkyPilot has taken it away")
    for pod in left:
        say(f"BILLS: pod {pod.words}, of a job that has ended: likeness cloud stop {pod.id}")
    for pod in known.strangers:
        say(f"also bills at RunPod, and is not a job of likeness here: pod {pod.words}")
    return int(bool(left or known.problems))


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
        sys.stdout.writelines(cloud.engine.logs(view.number, follow=follow))
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
    # First the lease: the machine ends itself even where nothing below gets through.
    if job in job_names(cloud.store):
        JobRecords(cloud.store, job).renew(0)
    known = cloud.jobs()
    everywhere = [*known.strangers, *(pod for view in known.jobs for pod in view.pods)]
    if any(pod.id == job for pod in everywhere):
        _terminate(cloud, [job])
        sys.stdout.write(f"pod {job} is gone\n")
        return
    view, problems = cloud.job(job, known), list(known.problems)
    with kept(problems):
        _cancel(cloud, view)
    with kept(problems):
        _terminate(cloud, [pod.id for pod in view.pods])
    known = cloud.jobs()
    view = cloud.job(job, known)
    settle(cloud, known)
    sys.stdout.write(
        f"{job}: {view.status.lower()}; its machine ends within a minute; {format_usd(view.usd)} so far\n"
    )
    if problems:
        raise problems[0]


def cost_command(as_json: Json = False) -> None:
    """Show what each job cost, and book it.

    By RunPod's own bill where it tells of all machines of a job, else by our estimate.

    \b
    Examples:
      likeness cloud cost
      likeness cloud cost --json
    """
    cloud = Cloud.here()
    known = settle(cloud, cloud.jobs())
    if as_json:
        print_json([asdict(one) for one in known.jobs])
        return
    view = table("cost", left=("job", "status", "by"), right=("time", "cost", "at most"))
    for one in known.jobs:
        most = "-" if one.usd_max is None else format_usd(one.usd_max)
        row = (one.name, one.status.lower(), one.by, format_seconds(one.seconds), format_usd(one.usd), most)
        view.add_row(*row)
    show(view) if known.jobs else say("No job is known.")
    _tell(known)


def _tell(known: Known) -> None:
    for note in known.notes:
        say(note)


def _cancel(cloud: Cloud, view: JobView) -> None:
    if cloud.engine is not None and view.number is not None and not view.ended:
        cloud.engine.cancel(view.number)


def _terminate(cloud: Cloud, pods: Sequence[str]) -> None:
    """End them all; raises the first error when all were tried."""
    problems: list[LikenessError] = []
    if pods:
        with RunPod(cloud.cfg.cloud.runpod, stop=threading.Event()) as account:
            for pod in pods:
                with kept(problems):
                    account.terminate(pod)
    if problems:
        raise problems[0]
