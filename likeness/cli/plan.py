"""What is to do before anything runs, what it will cost and how long it will take.

Walks the graph through the item store (likeness/plan.py): nothing is made or bought, and no key is needed. DVC is asked
where items are to do: after `dvc pull` it runs no stage, though the store of that machine is empty.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, cast

from likeness.check.files import merge_problems, refuse
from likeness.cli.arguments import Json, Personas, print_json, to_stderr
from likeness.cli.plan_show import PersonaPlan, Plan, Training, show_plan, together
from likeness.conf_digest import conf_digest
from likeness.config import Config, load_config
from likeness.dataset.quality import Reading, TrainingSet
from likeness.dataset.quality.measures import readings
from likeness.disk import optional, write_atomic
from likeness.dvc_files import LOCK
from likeness.errors import InputError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.pipeline.manifest import read_manifest
from likeness.pipeline.stage import ALL_USES, CHECKED
from likeness.plan import Planner, StagePlan
from likeness.purchases.history import purchases, total_usd
from likeness.run import Run
from likeness.store import open_items
from likeness.store.keys import item_key
from likeness.train.pace import device_kind, recall, work_words


def plan_command(personas: Personas = None, as_json: Json = False) -> int:
    """Show what a run would make, buy and cost.

    Also how long it takes and the memory that training needs. Nothing is made or bought, and no key is needed.
    Exit status 1 when the plan exceeds the budget.

    \b
    Examples:
      likeness plan
      likeness plan jade --json
    """
    refuse(merge_problems())
    repository = RepositoryPaths.here()
    plan = make_plan(load_config(PARAMS), repository, personas or ())
    values = {**asdict(plan), "exceeds_budget": plan.exceeds}
    with optional():  # a plan buys and makes nothing: it is told from a disk to read only, too
        write_atomic(repository.plan, json.dumps(values, indent=2).encode())
    if as_json:
        print_json(values)
    else:
        show_plan(plan)
    return int(plan.exceeds)


def make_plan(cfg: Config, repository: RepositoryPaths, names: Sequence[str]) -> Plan:
    """The plan for these personas, or for all.

    Raises:
        ConfigError, ConsentError: the graph would not start.
        ProviderError: a team's store can't be asked.
    """
    items = open_items(cfg, repository, read_only=True)
    personas: dict[str, PersonaPlan] = {}
    for persona in [cfg.persona(name) for name in names or cfg.personas]:
        run = Run(stage="plan", config=cfg, persona=persona, repository=repository)
        run.require(*ALL_USES)
        vars(run)["items"] = items
        planner = Planner(run)
        stages = planner.stages()
        passed = unchanged(run, stages) if any(line.to_do for line in stages) else {}
        stages = [passed.get(line.stage, line) for line in stages]
        personas[persona.name] = PersonaPlan(
            stages=stages,
            train=training(run),
            exact=planner.exact,
            unchanged=list(passed),
            quality=quality(run),
        )
    lines = [line for persona in personas.values() for line in persona.stages]
    return Plan(
        personas=personas,
        calls=sum(line.calls for line in lines),
        usd=sum(line.usd for line in lines),
        seconds=together(lines),
        max_usd=cfg.budget.max_usd,
        spent_usd=total_usd(purchases(repository.spending)),
        missing_keys=missing_keys(cfg, lines),
        stale_params=cfg.conf_digest != conf_digest(Path("conf")),
    )


def unchanged(run: Run, stages: Sequence[StagePlan]) -> dict[str, StagePlan]:
    """Those before the first stage that DVC would run: dvc.lock names their inputs, settings and results as they lie here."""
    if not Path(LOCK).is_file():
        return {}
    from dvc.exceptions import DvcException  # pyright: ignore[reportMissingTypeStubs]
    from dvc.repo import Repo  # pyright: ignore[reportMissingTypeStubs]

    names = {f"{line.stage}@{run.persona.name}": line for line in stages}
    try:
        with to_stderr(), cast(Any, Repo)() as repo:
            said = repo.status(targets=list(names))
    except DvcException:  # `dvc repro` says what is wrong
        return {}
    as_before = (None, [{"changed deps": {str(CHECKED): "deleted"}}])
    passed = [line for _, line in takewhile(lambda one: said.get(one[0]) in as_before, names.items())]
    counts = {line.stage: len(read_manifest(run.at(line.stage).folder).entries) for line in passed}
    return {
        line.stage: replace(
            line,
            items=counts[line.stage],
            reused=counts[line.stage],
            to_do=0,
            calls=0,
            usd=0.0,
            seconds=0.0,
            at_most=False,
        )
        for line in passed
    }


def training(run: Run) -> Training:
    """Whether it will run is for DVC to know: when the dataset, `base` or `train` has changed."""
    cfg = run.config
    pace = recall(cfg, run.repository)
    planned = cfg.train.schedule.steps if cfg.train.schedule.epochs is None else None
    return Training(
        steps=planned,
        seconds=None if pace is None or planned is None else pace.seconds_a_step * planned,
        step=work_words(cfg),
        pace=pace,
        device=device_kind(cfg),
        memory=predicted_memory(cfg, run.repository),
        usd_per_hour=cfg.train.system.usd_per_hour,
    )


def quality(run: Run) -> list[Reading] | None:
    """The traffic light of the training set as it was last made; None where there is none yet."""
    paths = run.paths
    folders = {name: paths.output(name) for name in ("ingested", "resized", "lora_training")}
    try:
        found = {name: read_manifest(folder) for name, folder in folders.items()}
    except InputError:
        return None
    images = found["lora_training"].entries
    return readings(
        TrainingSet.of(
            images,
            found,
            run.consent,
            run.persona.trigger,
            run.persona.class_word,
            cut_to_face=run.config.train.data.cuts_to_face,
        )
    )


def predicted_memory(cfg: Config, repository: RepositoryPaths) -> str | None:
    """What training will need of a GPU, remembered by its settings: to count it loads torch, which takes seconds. None on
    a machine without one, unless train.system.device says that there will be one."""
    if device_kind(cfg) == "cpu":
        return None
    settings = {"base": cfg.base.model_dump(mode="json"), "train": cfg.train.model_dump(mode="json")}
    path = repository.history / "memory" / f"{item_key('plan.memory', 1, settings, [])[:32]}.txt"
    if path.is_file():
        return path.read_text()
    from likeness.train.native.memory import predict

    words = predict(cfg.base, cfg.train).words()
    with optional():
        write_atomic(path, words.encode())
    return words


def missing_keys(cfg: Config, lines: Sequence[StagePlan]) -> list[str]:
    """Names of the variables that hold keys, are needed for what is to do, and are not set."""
    return sorted({name for line in lines if line.calls and (name := getattr(cfg, line.stage).missing_key())})
