"""Brings a job's result home: the experiment into this clone and its runs into MLflow; then DVC's queue drops it."""

import re
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.arguments import kept
from likeness.cli.cloud_jobs import Cloud
from likeness.cli.launch_queue import is_queued, leave_queue
from likeness.cloud.records import JobRecords, job_names
from likeness.disk import write_atomic
from likeness.errors import InputError, LikenessError
from likeness.git import COPY_WITHIN_S, git, require_git
from likeness.pipeline.stage import ALL_USES
from likeness.safety.consent import in_force
from likeness.safety.consent.history import learn_from_git
from likeness.tracking.records import merge_runs
from likeness.versions.revision import stages_of

LOCKS = ("dvc.lock", "stages/dvc.lock")
MAY_CHANGE = re.compile(
    rf":(?:000000|100644) 100644 [0-9a-f]+ [0-9a-f]+ [AM]\t(?:{'|'.join(map(re.escape, ('params.yaml', *LOCKS)))})"
)
"""What an experiment's commit has anew, as git lists it: its settings, and the digests of what the stages made; no links."""


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
    if job is not None:
        cloud.job(job)
        _say(job, fetch(cloud, job))
        return
    listed = ("for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps/")
    here = set(require_git(*listed, root=cloud.repository.root).split())
    problems: list[LikenessError] = []
    for name in job_names(cloud.store):
        records = JobRecords(cloud.store, name)
        if cloud.store.sha256(records.results) is None or _is_here(cloud, records, here):
            continue
        with kept(problems):
            _say(name, fetch(cloud, name))
    if problems:
        remedies = dict.fromkeys(one.remedy for one in problems)
        raise InputError(
            "\n  ".join(one.message for one in problems),
            reason=problems[0].reason,
            remedy="\n  ".join(remedies),
        )


def _is_here(cloud: Cloud, records: JobRecords, here: Collection[str]) -> bool:
    """Whether nothing is left to be done: a fetch that was killed may have left an experiment both here and in the queue."""
    launch = records.launch() or {}
    if launch.get("experiment", records.job) not in here:
        return False
    return not launch.get("queued") or not is_queued(cloud.repository.root, launch["queued"])


def fetch(cloud: Cloud, name: str) -> str:
    """Bring one home; returns the experiment's name.

    Raises:
        InputError: nothing was brought back, it does not fit this clone, or it is not what the job's machine made of it.
        ConsentError: the consent of whom it draws has ended.
        ConfigError: git does not answer.
    """
    root, records = cloud.repository.root, JobRecords(cloud.store, name)
    launch = records.signed_launch()
    in_force(root, launch["persona"], ALL_USES, place=cloud.store)  # whatever the settings name today
    bundle, runs = cloud.store.read(records.results), cloud.store.read(records.runs)
    if bundle is None:
        raise InputError(
            f"{name} has brought back nothing yet",
            reason="no-results",
            remedy="`likeness cloud status` says how far it is, and why it ended",
        )
    records.check_results(launch["key"], bundle, runs)
    with tempfile.TemporaryDirectory() as folder:
        path, database = Path(folder) / "results.bundle", Path(folder) / "mlflow.db"
        write_atomic(path, bundle)
        _take_experiment(root, path, launch)
        tracking = cloud.cfg.tracking
        if tracking.enabled and runs is not None:
            write_atomic(database, runs)
            merge_runs(database, tracking.uri, tracking.experiment, root)
    # Only now: until its result is here, the queue is where it stands.
    if queued := launch.get("queued"):
        leave_queue(root, queued)
    return str(launch["experiment"])


def _take_experiment(root: Path, bundle: Path, launch: Mapping[str, Any]) -> None:
    """The experiment's commit, where it is what DVC makes of the revision that was launched: settings differ and digests of this
    person's stages, and no program, since `dvc exp apply` lays its files out to be run.

    Raises:
        InputError: as `fetch`.
    """
    revision, experiment = launch["revision"], launch["experiment"]
    packed = git("bundle", "list-heads", str(bundle), root=root) or ""
    heads = {ref: commit for commit, _, ref in (line.partition(" ") for line in packed.splitlines())}
    ref = next(
        (one for one in heads if one.startswith("refs/exps/") and one.endswith(f"/{experiment}")), None
    )
    known = git("cat-file", "-e", f"{revision}^{{commit}}", root=root) is not None
    if (
        ref is None
        or not known
        or git("bundle", "unbundle", str(bundle), root=root, within_s=COPY_WITHIN_S) is None
    ):
        raise InputError(
            f"the experiment of {launch['job']} does not fit this clone",
            reason="no-baseline",
            remedy=f"git fetch origin {revision}: it was launched from that commit",
        )
    listed = require_git("diff", "--raw", "--no-renames", "--no-abbrev", revision, heads[ref], root=root)
    changed = [one for one in listed.splitlines() if not MAY_CHANGE.fullmatch(one)]
    if changed := changed or _of_others(root, revision, heads[ref], launch["persona"]):
        names = ", ".join(one.rpartition("\t")[2] for one in changed[:5])
        raise InputError(
            f"the experiment of {launch['job']} changes {names}",
            reason="forged",
            remedy="somebody edited the files on its machine: train it again elsewhere",
        )
    before = (git("rev-parse", "--verify", "--quiet", ref, root=root) or "").strip()
    if before and before != heads[ref]:
        raise InputError(
            f"there is another experiment {experiment} here",
            reason="no-baseline",
            remedy=f"dvc exp rename {experiment} NAME",
        )
    # Only where that is so: git may not have answered.
    require_git("update-ref", ref, heads[ref], before, root=root)


def _of_others(root: Path, before: str, after: str, persona: str) -> list[str]:
    """The stages of other people that a commit's locks name otherwise: nobody has asked for their consent, which the job of one
    person does not need.

    Raises:
        InputError: a lock does not read.
    """
    old, new = _locked(root, before), _locked(root, after)
    changed = {stage for stage in old.keys() | new.keys() if old.get(stage) != new.get(stage)}
    return sorted(stage for stage in changed if stage.partition("@")[2] not in ("", persona))


def _locked(root: Path, revision: str) -> dict[str, Any]:
    """The stages of a commit's locks."""
    names = require_git("ls-tree", "--name-only", revision, "--", *LOCKS, root=root).splitlines()
    texts = {name: require_git("show", f"{revision}:{name}", root=root) for name in names}
    return {
        f"{name}: {stage}": said
        for name, text in texts.items()
        for stage, said in stages_of(text, f"{name} of {revision}").items()
    }


def _say(job: str, experiment: str) -> None:
    sys.stdout.write(f"{job} is an experiment here: dvc exp apply {experiment}; dvc pull\n")
