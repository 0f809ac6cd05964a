"""Train on a rented machine: the plan, one question, and the hand-over to the engine."""

import base64
import datetime
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from likeness.cli.compose import composed
from likeness.cli.launch_dvc import LaunchFiles
from likeness.cli.tables import console, say
from likeness.cloud import Machine
from likeness.cloud.engine import Engine, Offer
from likeness.cloud.parcel import Parcel, Rented, write_parcel
from likeness.cloud.plan import Candidate, LaunchPlan, Load, measured_pace
from likeness.cloud.prices import priced_machines
from likeness.cloud.records import JobRecords
from likeness.cloud.runpod import RunPod
from likeness.cloud.task import JOB_KEY, STORE_SECRETS, STORE_SETTINGS, task
from likeness.config import Config, validated
from likeness.errors import ConfigError, QuotaError
from likeness.git import git
from likeness.key_files import new_private_key, public_text
from likeness.paths import PARAMS, RepositoryPaths
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.purchases.budget import ROUNDING_USD, Spending
from likeness.purchases.history import budget_words, purchases, total_usd
from likeness.safety.consent import in_force
from likeness.safety.consent.revocations import learn_from_git
from likeness.settings import flatten
from likeness.store.s3 import Remote
from likeness.strict_yaml import read_yaml
from likeness.team_keys import TeamKeys

STAGE = "launch"
SHARE = "train.checkpoint.share=true"
RENEW_EVERY_S = 60.0
DATA_SECTIONS = ("personas", *(spec.name for spec in STAGES[: [one.name for one in STAGES].index("train")]))


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A launch that has been planned: what is needed to carry it out."""

    plan: LaunchPlan
    cfg: Config
    store: Remote
    repository: RepositoryPaths
    files: LaunchFiles
    engine: Engine | None
    folder: Path
    secrets: Sequence[str]


def launch_command(
    persona: str, overrides: Sequence[str], *, yes: bool, dry_run: bool, wait: bool, as_json: bool
) -> None:
    """Show the plan, ask, launch."""
    launch = plan_launch(persona, overrides, need_engine=not dry_run)
    _show(launch, as_json=as_json)
    spent, limit = total_usd(purchases(launch.repository.spending)), launch.cfg.budget.max_usd
    if limit is not None and spent + launch.plan.usd_max > limit + ROUNDING_USD:
        raise QuotaError(
            f"the launch can cost ${launch.plan.usd_max:.2f}. {budget_words(spent, limit)}",
            reason="budget",
            remedy="lower cloud.max_hours, or raise budget.max_usd in conf/budget/ and run `make params`",
        )
    if dry_run:
        return
    if not yes:
        typer.confirm("Launch it?", abort=True, err=True)
    carry_out(launch)
    sys.stderr.write(
        f"launch: {launch.plan.job} is with the engine; `likeness cloud status` shows it, `likeness cloud stop` ends it\n"
    )
    if wait:
        wait_for(launch)


def plan_launch(persona: str, overrides: Sequence[str], *, need_engine: bool) -> Launch:
    """All that can be known before anything is sent or paid.

    Raises:
        ConfigError, ConsentError, AuthError: it would not work, or may not be.
    """
    repository = RepositoryPaths.here()
    chosen = [
        *overrides,
        *([] if any(one.startswith("train.checkpoint.share=") for one in overrides) else [SHARE]),
    ]
    values = composed(repository.root, *chosen)
    cfg = validated(values, PARAMS)
    name = cfg.persona(persona).name
    if cfg.items.remote is None:
        raise ConfigError("checkpoints and records of the job need a store: items.remote is not set",
                          reason="no-store", remedy="set items.remote to an S3 prefix in conf/items/ (docs/s3.md)")  # fmt: skip
    refuse_other_data(read_yaml(PARAMS, remedy="run `make params`"), values)
    revision = committed_revision(repository.root)
    learn_from_git(repository.root)
    store = Remote(cfg.items.remote, cfg.s3)
    in_force(repository.root, name, ALL_USES, place=store)
    files = LaunchFiles(repository.root, name)
    files.remote()
    files.check_fresh()
    engine = _engine(cfg, repository, need=need_engine)
    today = datetime.datetime.now(datetime.UTC).date()
    offers, notes = _offers(cfg, engine, today)
    machines, left_out = priced_machines(cfg.cloud, cfg.prices, offers, today)
    job = f"likeness-{name.replace('_', '-')}-{uuid.uuid4().hex[:8]}"
    folder, secrets = repository.cache / "cloud" / job, secret_names(cfg, os.environ)
    priced = [one.machine for one in machines]
    plan = LaunchPlan(
        job=job,
        persona=name,
        revision=revision,
        overrides=chosen,
        candidates=[
            Candidate(priced=one, pace=measured_pace(cfg, one.machine, repository, store)) for one in machines
        ],
        left_out=[*left_out, *notes],
        steps=cfg.train.schedule.steps if cfg.train.schedule.epochs is None else None,
        max_hours=cfg.cloud.max_hours,
        up=[Load(path=f"git: one commit, {revision[:10]}"), *files.up()],
        down=files.down(),
        task=task(
            job, cfg.cloud, priced, folder, secrets=secrets,
            settings={one: os.environ[one] for one in STORE_SETTINGS if one in os.environ},
        ),
    )  # fmt: skip
    return Launch(
        plan=plan, cfg=cfg, store=store, repository=repository, files=files, engine=engine, folder=folder, secrets=secrets
    )  # fmt: skip


def carry_out(launch: Launch) -> None:
    """Send what is needed, reserve the money, hand the job over; what fails before that is not paid.

    Raises:
        QuotaError: the budget does not allow it.
        ConfigError: the engine does not take it; nothing was rented.
    """
    plan, engine = launch.plan, launch.engine
    assert engine is not None, "planned without an engine"
    engine.check(plan.task)
    launch.files.push([one for one in plan.up if not one.path.startswith("git: ")])
    key = _job_key(plan.job)
    write_parcel(launch.folder, launch.repository.root, _parcel(launch))
    records = JobRecords(launch.store, plan.job)
    records.announce(plan.values())
    records.renew(plan.max_hours * 3600)
    spending = Spending(
        launch.repository.spending, prices=launch.cfg.prices, budget=launch.cfg.budget, stage=STAGE, persona=plan.persona
    )  # fmt: skip
    vendors = "+".join(dict.fromkeys(one.priced.machine.vendor for one in plan.candidates))
    purchase = spending.reserve(f"{vendors} machine hours", plan.job, plan.job, plan.usd_max)
    values = {name: os.environ[name] for name in launch.secrets if name != JOB_KEY} | {JOB_KEY: key}
    try:
        engine.launch(plan.task, values)
    except ConfigError:
        # It said no; a job that it took all the same would end without a lease.
        records.renew(0)
        spending.void(purchase)
        raise


def wait_for(launch: Launch) -> None:
    """Stay until the job has ended, and renew its lease: where this computer is gone, the machine ends itself."""
    assert launch.engine is not None
    records = JobRecords(launch.store, launch.plan.job)
    while True:
        records.renew(launch.cfg.cloud.lease_minutes * 60)
        found = next((one for one in launch.engine.jobs() if one.name == launch.plan.job), None)
        lives = records.lives()
        if found is not None and found.ended:
            sys.stderr.write(
                f"launch: {found.name} {found.status.lower()}; `likeness cloud fetch` brings it home\n"
            )
            return
        step = f", step {lives[-1].step} on {lives[-1].machine}" if lives else ""
        sys.stderr.write(f"launch: {found.status.lower() if found else 'not known yet'}{step}\n")
        time.sleep(RENEW_EVERY_S)


def refuse_other_data(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse settings that would make another dataset: the machine runs no data stage.

    Raises:
        ConfigError: names them.
    """
    old, new = flatten(before), flatten(after)
    changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    data = [key for key in changed if key.partition(".")[0] in DATA_SECTIONS]
    if data:
        raise ConfigError(
            f"{', '.join(data)}: would make another dataset, and the machine runs train, evaluate and report only",
            reason="other-data",
            remedy="set it in conf/, `make params`, `dvc repro` the dataset here and commit; then launch",
        )


def committed_revision(root: Path) -> str:
    """The commit that goes up, where it holds all that lies here.

    Raises:
        ConfigError: files that git knows differ from it, or dvc.lock is not among them.
    """
    revision = git("rev-parse", "HEAD", root=root)
    if revision is None or git("ls-files", "--error-unmatch", "dvc.lock", root=root) is None:
        raise ConfigError("the machine works from a commit, and dvc.lock is in none", reason="not-committed",
                          remedy="dvc repro dataset, then git add -A && git commit -m data")  # fmt: skip
    if changed := (git("status", "--porcelain", "--untracked-files=no", root=root) or "").split("\n")[:-1]:
        names = ", ".join(line[3:] for line in changed[:5])
        raise ConfigError(f"not committed: {names}", reason="not-committed",
                          remedy="git commit -am data, or git stash: the machine works from the commit")  # fmt: skip
    return revision.strip()


def secret_names(cfg: Config, environment: Mapping[str, str]) -> list[str]:
    """The variables whose values go to the machine by the engine's secrets.

    Raises:
        ConfigError: one is not set, or S3's keys are not in the environment.
    """
    found = [name for name in STORE_SECRETS if environment.get(name)]
    if str(cfg.items.remote).startswith("s3") and len(found) < 2:
        raise ConfigError(
            "the machine needs keys of the store: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set here",
            reason="no-key",
            remedy='export them; of a profile or SSO: eval "$(aws configure export-credentials --format env)"',
        )
    if absent := [name for name in cfg.cloud.variables if not environment.get(name)]:
        raise ConfigError(f"cloud.variables names {', '.join(absent)}, not set here", reason="no-key",
                          remedy="export it, or take it out of conf/cloud/")  # fmt: skip
    return [JOB_KEY, *found, *cfg.cloud.variables]


def _engine(cfg: Config, repository: RepositoryPaths, *, need: bool) -> Engine | None:
    try:
        return Engine.find(repository)
    except ConfigError:
        if need:
            raise
        return None


def _offers(
    cfg: Config, engine: Engine | None, today: datetime.date
) -> tuple[dict[str, list[Offer]], list[str]]:
    asked = [one for one in cfg.cloud.machines if not _has_own_price(cfg, one)]
    offers = engine.offers(asked) if engine is not None and asked else {}
    runpod = cfg.cloud.runpod
    if not os.environ.get(runpod.api_key_env) or all(one.vendor != "runpod" for one in asked):
        return offers, []
    with RunPod(runpod, stop=threading.Event()) as account:
        today_s, none = account.offers(asked, today)
    return offers | today_s, [
        f"{words}: no stock at RunPod just now; it is asked for all the same" for words in none
    ]


def _has_own_price(cfg: Config, machine: Machine) -> bool:
    return machine.own or machine.priced_as in cfg.prices.get(machine.vendor, {})


def _parcel(launch: Launch) -> Parcel:
    plan, cloud = launch.plan, launch.cfg.cloud
    return Parcel(
        job=plan.job,
        persona=plan.persona,
        overrides=plan.overrides,
        pull=[one.path for one in plan.up if not one.path.startswith("git: ")],
        store=str(launch.cfg.items.remote),
        max_s=cloud.max_hours * 3600,
        silence_s=cloud.silence_minutes * 60,
        lease_s=cloud.lease_minutes * 60,
        probe_steps=cloud.probe_steps,
        machines=[
            Rented(infra=one.machine.infra, gpu=one.machine.gpu, spot=one.machine.spot, own=one.machine.own, usd=one.usd)
            for one in (candidate.priced for candidate in plan.candidates)
        ],
    )  # fmt: skip


def _job_key(job: str) -> str:
    """A key for this job's machines, which counts here from now on: checkpoints of one machine are read by the next."""
    with tempfile.TemporaryDirectory() as folder:
        key = new_private_key(Path(folder) / "key")
    TeamKeys(STAGE).allow(public_text(key), f"machines of {job}")
    return base64.b64encode(key.private_bytes_raw()).decode()


def _show(launch: Launch, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(launch.plan.values(), indent=2, default=str) + "\n")
        return
    terminal = console()
    for sentence in launch.plan.sentences(launch.cfg.cloud.probe_steps):
        say(terminal, sentence)
    spent = total_usd(purchases(launch.repository.spending))
    say(terminal, budget_words(spent, launch.cfg.budget.max_usd))
