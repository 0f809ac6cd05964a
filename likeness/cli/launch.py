"""Train on a rented machine: the plan, one question, and the hand-over to the engine."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from likeness.cli.arguments import Json, Persona, Yes, agree, print_json
from likeness.cli.cloud_jobs import wait_for
from likeness.cli.launch_plan import Ground, Launch, composed_experiment, prepare
from likeness.cli.launch_queue import combinations, launched_settings, queued_experiments
from likeness.cli.launch_twins import find_twins, refuse_twins
from likeness.cli.tables import say
from likeness.cloud.parcel import Parcel, Rented, job_key, seal, write_parcel
from likeness.cloud.plan import Load
from likeness.cloud.records import JobRecords
from likeness.cloud.task import JOB_KEY, UNSEAL
from likeness.errors import ConfigError, LikenessError, ProviderError, QuotaError
from likeness.formatting import format_usd
from likeness.paths import RepositoryPaths
from likeness.purchases.budget import ROUNDING_USD, Spending
from likeness.purchases.history import budget_words, purchases, total_usd

STAGE = "launch"


def launch_command(
    persona: Persona,
    overrides: Annotated[
        list[str] | None,
        typer.Option("-S", metavar="OVERRIDE", help="A setting for this launch; may be given again."),
    ] = None,
    queue: Annotated[
        bool,
        typer.Option("--queue", help="Start a job for every experiment in DVC's queue; -S then says how."),
    ] = False,
    experiments: Annotated[
        bool,
        typer.Option("--experiments", help="Start a job for each combination of the values in -S KEY=A,B."),
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and send nothing.")] = False,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until the job has ended."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train on a rented machine.

    Shows the machines, prices with their dates, hours, the highest possible cost and what is transferred, and asks once.
    SkyPilot then rents the first machine that is available and runs train, evaluate and report there. Settings: conf/cloud/.

    \b
    Examples:
      likeness launch jade --dry-run
      likeness launch jade -S cloud=runpod_h100 -S +experiment=sdxl --yes
      likeness launch jade --experiments -S train.optimizer.lr=1e-4,3e-4
      likeness launch jade --queue
    """
    if queue and experiments:
        raise typer.BadParameter("--queue has experiments of its own: say --queue or --experiments")
    words = overrides or []
    if queue:
        wanted, left_out = plan_queue(persona, words, need_engine=not dry_run)
    else:
        chosen = combinations(words) if experiments else [words]
        wanted, left_out = plan_all(persona, chosen, need_engine=not dry_run), list[str]()
    ground = wanted[0].ground
    twins, replaced = find_twins([one.plan for one in wanted], ground.store, ground.engine)
    launches = [one for one in wanted if one.plan.job not in twins]
    left_out += [f"{one.plan.called}: {twins[one.plan.job].message}" for one in wanted if one not in launches]
    if not launches:
        raise next(iter(twins.values()))
    usd_max = sum(one.plan.usd_max for one in launches)
    _show(launches, left_out, usd_max, as_json=as_json, many=queue or experiments)
    spent, limit = total_usd(purchases(ground.repository.spending)), ground.cfg.budget.max_usd
    if limit is not None and spent + usd_max > limit + ROUNDING_USD:
        raise QuotaError(
            f"the launch can cost {format_usd(usd_max)}. {budget_words(spent, limit)}",
            reason="budget",
            remedy="lower cloud.max_hours, or raise budget.max_usd in conf/budget/ and run `make params`",
        )
    if dry_run:
        return
    agree("Launch it?" if len(launches) == 1 else f"Launch all {len(launches)}?", yes=yes)
    for before in replaced:
        before.renew(0)
        sys.stderr.write(
            f"launch: {before.job} trained the same and is over for the engine; its lease is ended\n"
        )
    out, problems = list[str](), list[LikenessError]()
    for one in launches:
        try:
            carry_out(one)
        except LikenessError as error:  # the others go out all the same
            problems.append(error)
            said = f"failed: {error.message}"
        else:
            out.append(one.plan.job)
            said = "is with the engine; `likeness cloud status` shows it, `likeness cloud stop` ends it"
        sys.stderr.write(f"launch: {one.plan.job} {said}\n")
    if wait and out:
        lease_s = ground.cfg.cloud.lease_minutes * 60
        if failed := wait_for(out, ground.store, launches[0].engine, lease_s=lease_s):
            problems.append(
                ProviderError(
                    f"{', '.join(failed)} did not succeed",
                    reason="job-failed",
                    remedy="`likeness cloud status` says why",
                )
            )
    if problems:
        raise problems[0]


def plan_all(persona: str, chosen: Sequence[Sequence[str]], *, need_engine: bool) -> list[Launch]:
    """A job for each list of overrides.

    Raises:
        ConfigError: one of them cannot be launched.
    """
    experiments = [composed_experiment(overrides) for overrides in chosen]
    ground = prepare(persona, experiments[0].values, need_engine=need_engine)
    return [ground.plan(one) for one in experiments]


def plan_queue(
    persona: str, overrides: Sequence[str], *, need_engine: bool
) -> tuple[list[Launch], list[str]]:
    """A job for every experiment in DVC's queue, and in words which are left out; `overrides` say how they are launched.

    Raises:
        ConfigError: nothing of the queue can be launched, or an override would change what is trained.
    """
    ground = prepare(
        persona, launched_settings(RepositoryPaths.here().root, overrides), need_engine=need_engine
    )
    experiments, left_out = queued_experiments(ground.repository.root, ground.revision, ground.store)
    launches: list[Launch] = []
    for one in experiments:
        try:
            launches.append(ground.plan(one))
        except ConfigError as error:
            left_out.append(f"{one.name}: {error.message}")
    if not launches:
        raise ConfigError(
            "no experiment in DVC's queue can be launched" + "".join(f"\n  {one}" for one in left_out),
            reason="no-experiment",
            remedy="queue some from this commit: dvc exp run --queue -S KEY=VALUE,VALUE (docs/sweeps.md)",
        )
    return launches, left_out


def carry_out(launch: Launch) -> None:
    """Send what is needed, reserve the money, hand the job over; what fails or is interrupted before that is not paid, and leaves
    nothing that would keep the next launch from the same.

    Raises:
        QuotaError: the budget does not allow it.
        ConfigError: another launch was faster, or the engine does not take it; nothing was rented.
    """
    plan, engine, ground = launch.plan, launch.engine, launch.ground
    engine.check(plan.task)
    ground.files.push(_data(ground))
    values = {name: os.environ[name] for name in ground.secrets if name != JOB_KEY}
    key, public = job_key(plan.job)
    sealed, unseal = seal(values | {JOB_KEY: key})
    write_parcel(launch.folder, ground.repository.root, _parcel(launch), launch.experiment.params, sealed)
    records, handed = JobRecords(ground.store, plan.job), False
    spending = Spending(
        ground.repository.spending,
        prices=ground.cfg.prices,
        budget=ground.cfg.budget,
        stage=STAGE,
        persona=plan.persona,
    )
    vendors = "+".join(dict.fromkeys(one.priced.machine.vendor for one in plan.candidates))
    purchase = spending.reserve(f"{vendors} machine hours", plan.job, plan.job, plan.usd_max)
    try:
        records.announce(plan.values(), job_key=public)
        # Two launches of one training may have been planned side by side: at least one of them sees the other here.
        refuse_twins(plan, ground.store, engine)
        records.renew(plan.max_hours * 3600)
        handed = True
        engine.launch(plan.task, {UNSEAL: unseal})
    except BaseException as error:
        if handed and not isinstance(error, ConfigError):
            sys.stderr.write(
                f"launch: {plan.job} may be with the engine all the same, and its money stays reserved: `likeness cloud status` "
                f"shows it, `likeness cloud stop {plan.job}` ends it\n"
            )
            raise
        # A job that the engine took, and said no, would end without a lease.
        spending.void(purchase)
        records.renew(0)
        raise


def _data(ground: Ground) -> list[Load]:
    return [one for one in ground.up if not one.path.startswith("git: ")]


def _parcel(launch: Launch) -> Parcel:
    plan, ground = launch.plan, launch.ground
    cloud = ground.cfg.cloud
    return Parcel(
        job=plan.job,
        persona=plan.persona,
        experiment=plan.experiment,
        pull=[one.path for one in _data(ground)],
        store=str(ground.cfg.items.remote),
        max_s=cloud.max_hours * 3600,
        silence_s=cloud.silence_minutes * 60,
        lease_s=cloud.lease_minutes * 60,
        probe_steps=cloud.probe_steps,
        machines=[
            Rented(
                infra=one.machine.infra,
                gpu=one.machine.gpu,
                spot=one.machine.spot,
                own=one.machine.own,
                usd=one.usd,
            )
            for one in (candidate.priced for candidate in plan.candidates)
        ],
    )


def _show(
    launches: Sequence[Launch], left_out: Sequence[str], usd_max: float, *, as_json: bool, many: bool
) -> None:
    ground = launches[0].ground
    if as_json:
        jobs = [one.plan.values() for one in launches]
        print_json({"jobs": jobs, "left_out": list(left_out), "usd_max": usd_max} if many else jobs[0])
        return
    for sentence in [told for one in launches for told in one.plan.sentences()]:
        say(sentence)
    for sentence in launches[0].plan.common_sentences(ground.cfg.cloud.probe_steps, len(launches)):
        say(sentence)
    where = "out" if launches[0].plan.queued is None else "in the queue"
    for words in left_out:
        say(f"Left {where}: {words}")
    say(budget_words(total_usd(purchases(ground.repository.spending)), ground.cfg.budget.max_usd))
