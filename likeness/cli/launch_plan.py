"""A launch, planned: what would run where, what it can cost, and what is refused before anything is sent or paid."""

import contextlib
import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likeness.cli.compose import composed_text
from likeness.cli.launch_dvc import LaunchFiles, refuse_own_folders
from likeness.cli.launch_twins import trained
from likeness.cloud.engine import Controller, Engine
from likeness.cloud.plan import Candidate, LaunchPlan, Load, measured_pace
from likeness.cloud.prices import PricedMachine, machines_of_today
from likeness.cloud.task import JOB_KEY, STORE_SECRETS, job_name, store_settings, task
from likeness.config import Config, validated
from likeness.errors import ConfigError
from likeness.git import git, require_git
from likeness.paths import PARAMS, RepositoryPaths
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.safety.consent import in_force
from likeness.safety.consent.history import learn_from_git
from likeness.settings import flatten
from likeness.store.s3 import Remote
from likeness.strict_yaml import parse_yaml, read_yaml

SHARE = "train.checkpoint.share=true"
DATA_SECTIONS = ("personas", *(spec.name for spec in STAGES[: [one.name for one in STAGES].index("train")]))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is to be trained: a whole params.yaml, and what a person is told of it. Of DVC's queue it has a name, and the
    commit that holds it there."""

    params: str
    changes: Sequence[str]
    name: str | None = None
    queued: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """All settings."""
        return parse_yaml(self.params)


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A job that has been planned: what is needed to carry it out."""

    plan: LaunchPlan
    experiment: Experiment
    ground: "Ground"
    folder: Path

    @property
    def engine(self) -> Engine:
        """The engine, where the plan asked for one."""
        assert self.ground.engine is not None, "planned without an engine"
        return self.ground.engine


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all jobs of a launch have in common: the commit, the store, the files, the machines and their prices."""

    persona: str
    revision: str
    cfg: Config
    store: Remote
    repository: RepositoryPaths
    files: LaunchFiles
    engine: Engine | None
    machines: Sequence[PricedMachine]
    left_out: Sequence[str]
    secrets: Sequence[str]
    up: Sequence[Load]
    controller: Controller | None

    def plan(self, experiment: Experiment) -> Launch:
        """Plan one job.

        Raises:
            ConfigError: its settings are not valid, or would make another dataset.
        """
        cfg = validated(experiment.values, PARAMS)
        refuse_other_data(read_yaml(PARAMS, remedy="run `make params`"), experiment.values)
        job = job_name(self.persona)
        folder = self.repository.cache / "cloud" / job
        plan = LaunchPlan(
            job=job,
            persona=self.persona,
            experiment=experiment.name or job,
            queued=experiment.queued,
            revision=self.revision,
            changes=experiment.changes,
            candidates=[
                Candidate(priced=one, pace=measured_pace(cfg, one.machine, self.repository, self.store))
                for one in self.machines
            ],
            left_out=self.left_out,
            steps=cfg.train.schedule.steps if cfg.train.schedule.epochs is None else None,
            max_hours=self.cfg.cloud.max_hours,
            up=self.up,
            down=self.files.down(),
            data_remote=self.files.url,
            keys=self.secrets,
            controller=self.controller,
            trains=trained(self.persona, self.revision, experiment.values),
            task=task(
                job,
                self.cfg.cloud,
                [one.machine for one in self.machines],
                folder,
                settings=store_settings(os.environ),
            ),
        )
        return Launch(plan=plan, experiment=experiment, ground=self, folder=folder)


def composed_experiment(overrides: Sequence[str]) -> Experiment:
    """What conf/ composes to with Hydra's overrides; checkpoints are shared unless one of them says otherwise.

    Raises:
        ConfigError: it does not compose.
    """
    shared = any(one.startswith("train.checkpoint.share=") for one in overrides)
    chosen = [*overrides, *([] if shared else [SHARE])]
    return Experiment(params=composed_text(RepositoryPaths.here().root, *chosen), changes=chosen)


def prepare(persona: str, values: Mapping[str, Any], *, need_engine: bool) -> Ground:
    """All that can be known of jobs with such a way of being launched (`cloud`, `budget`, `items` of `values`)
    before anything is sent or paid.

    Raises:
        ConfigError, ConsentError, AuthError: it would not work, or may not be.
    """
    repository = RepositoryPaths.here()
    # Before all else is looked at: a launch asks for shared checkpoints itself, and nobody set what is then wrong.
    if not values["items"]["remote"]:
        raise ConfigError(
            "checkpoints and records of the job need a store: items.remote is not set",
            reason="no-store",
            remedy="set items.remote to an S3 prefix in conf/items/ (docs/s3.md)",
        )
    cfg = validated(values, PARAMS)
    name = cfg.persona(persona).name
    assert cfg.items.remote is not None
    learn_from_git(repository.root)
    store = Remote(cfg.items.remote, cfg.s3)
    in_force(repository.root, name, ALL_USES, place=store)
    refuse_other_data(read_yaml(PARAMS, remedy="run `make params`"), values)
    revision = committed_revision(repository.root)
    files = LaunchFiles(repository.root, name)
    files.remote()
    refuse_own_folders(cfg.cloud.machines, {"items.remote": cfg.items.remote, "the DVC remote": files.url})
    files.check_fresh()
    engine = _engine(repository, need=need_engine)
    today = datetime.datetime.now(datetime.UTC).date()
    machines, left_out = machines_of_today(cfg.cloud, cfg.prices, engine, today)
    return Ground(
        persona=name,
        revision=revision,
        cfg=cfg,
        store=store,
        repository=repository,
        files=files,
        engine=engine,
        machines=machines,
        left_out=left_out,
        secrets=secret_names(cfg, os.environ),
        up=[Load(path=f"git: one commit, {revision[:10]}"), *files.up()],
        controller=None if engine is None else engine.controller([one.machine for one in machines]),
    )


def refuse_other_data(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse settings that would make another dataset: the machine runs no data stage.

    Raises:
        ConfigError: names them.
    """
    old, new = flatten(before), flatten(after)
    changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    if data := [key for key in changed if key.partition(".")[0] in DATA_SECTIONS]:
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
        raise ConfigError(
            "the machine works from a commit, and dvc.lock is in none",
            reason="not-committed",
            remedy="dvc repro dataset, then git add -A && git commit -m data",
        )
    if changed := require_git("status", "--porcelain", "--untracked-files=no", root=root).split("\n")[:-1]:
        names = ", ".join(line[3:] for line in changed[:5])
        raise ConfigError(
            f"not committed: {names}",
            reason="not-committed",
            remedy="git commit -am data, or git stash: the machine works from the commit",
        )
    return revision.strip()


def secret_names(cfg: Config, environment: Mapping[str, str]) -> list[str]:
    """The variables whose values go to the machine.

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
        raise ConfigError(
            f"cloud.variables names {', '.join(absent)}, not set here",
            reason="no-key",
            remedy="export it, or take it out of conf/cloud/",
        )
    return [JOB_KEY, *found, *cfg.cloud.variables]


def _engine(repository: RepositoryPaths, *, need: bool) -> Engine | None:
    with contextlib.nullcontext() if need else contextlib.suppress(ConfigError):
        return Engine.find(repository)
    return None
