"""Brings a job's result home: the experiment into this clone and its runs into MLflow; then DVC's queue drops it."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.cloud_jobs import Cloud
from likeness.cli.launch_queue import leave_queue
from likeness.cloud.records import JobRecords, job_names
from likeness.disk import write_atomic
from likeness.errors import ConsentError, InputError
from likeness.git import COPY_WITHIN_S, git
from likeness.pipeline.stage import ALL_USES
from likeness.safety.consent import in_force
from likeness.safety.consent.history import learn_from_git
from likeness.tracking.records import merge_runs


def fetch_command(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that have finished and are not here.")] = False,
) -> None:
    """Bring a finished job's experiment into this clone.

    With it come its MLflow runs, unless a tracking server took them; a queued experiment leaves DVC's queue.

    \b
    Examples:
      likeness cloud fetch JOB
      likeness cloud fetch --all
    """
    if (job is None) != every:
        raise typer.BadParameter("name a job, or say --all")
    cloud = Cloud.here()
    learn_from_git(cloud.repository.root)
    # Whoever can write to the store can name another person there: everybody of the settings is asked for.
    _require(cloud, cloud.cfg.personas)
    if job is not None:
        cloud.job(job)
        _say(job, fetch(cloud, job))
        return
    here = set(
        (
            git("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps/", root=cloud.repository.root)
            or ""
        ).split()
    )
    problems: list[str] = []
    for name in job_names(cloud.store):
        records = JobRecords(cloud.store, name)
        if experiment_of(records) in here or cloud.store.sha256(records.results) is None:
            continue
        try:
            _say(name, fetch(cloud, name))
        except (InputError, ConsentError) as error:
            problems.append(error.message)
    if problems:
        raise InputError("\n  ".join(problems), reason="no-baseline",
                         remedy="git fetch the commits that they were launched from")  # fmt: skip


def experiment_of(records: JobRecords) -> str:
    """The name that DVC knows a job's result by."""
    return str((records.launch() or {}).get("experiment", records.job))


def fetch(cloud: Cloud, name: str) -> str:
    """Bring one home; returns the experiment's name.

    Raises:
        InputError: nothing was brought back, or it does not fit this clone.
        ConsentError: the consent of whom it draws has ended.
    """
    root, records = cloud.repository.root, JobRecords(cloud.store, name)
    launch = records.launch() or {}
    if "persona" in launch:  # who left the settings
        _require(cloud, [launch["persona"]])
    bundle = cloud.store.read(records.results)
    if bundle is None:
        raise InputError(f"{name} has brought back nothing yet", reason="no-results",
                         remedy="`likeness cloud status` says how far it is, and why it ended")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path, runs = Path(folder) / "results.bundle", Path(folder) / "mlflow.db"
        write_atomic(path, bundle)
        words = ("fetch", "--quiet", "--no-tags", str(path), "refs/exps/*:refs/exps/*")
        if git(*words, root=root, within_s=COPY_WITHIN_S) is None:
            raise InputError(f"the experiment of {name} does not fit this clone", reason="no-baseline",
                             remedy=f"git fetch origin {launch.get('revision', '')}: it was launched from that commit")  # fmt: skip
        tracking = cloud.cfg.tracking
        if tracking.enabled and (data := cloud.store.read(records.runs)) is not None:
            write_atomic(runs, data)
            merge_runs(runs, tracking.uri, tracking.experiment, root)
    # Only now: until its result is here, the queue is where it stands.
    if queued := launch.get("queued"):
        leave_queue(root, queued)
    return experiment_of(records)


def _require(cloud: Cloud, personas: Iterable[str]) -> None:
    for persona in personas:
        in_force(cloud.repository.root, persona, ALL_USES, place=cloud.store)


def _say(job: str, experiment: str) -> None:
    sys.stdout.write(f"{job} is an experiment here: dvc exp apply {experiment}; dvc pull\n")
