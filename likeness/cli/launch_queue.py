"""DVC's queue, as experiments that can be launched: `dvc exp run --queue` fills it, `dvc queue remove` empties it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from likeness.cli.compose import composed, with_value
from likeness.cli.launch_plan import Experiment
from likeness.cli.launch_twins import LAUNCH_SECTIONS
from likeness.cli.params import as_override, differences
from likeness.cloud.records import DONE, JobRecords, job_names
from likeness.errors import ConfigError
from likeness.git import require_git
from likeness.paths import PARAMS
from likeness.store.s3 import Remote
from likeness.strict_yaml import parse_yaml, read_yaml

# Where DVC puts the arguments of an experiment into its commit.
OF_DVC = ".dvc/tmp/"
SHARE = "train.checkpoint.share"


def combinations(overrides: Sequence[str]) -> list[list[str]]:
    """Every choice of one value of each override that lists several.

    Raises:
        ConfigError: they do not read, or list several ways of being launched.
    """
    from dvc.utils.hydra import get_hydra_sweeps  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
    from hydra.errors import HydraException

    try:
        found = cast("list[dict[str, list[str]]]", get_hydra_sweeps({PARAMS.name: list(overrides)}))
    except HydraException as error:
        raise ConfigError(
            f"the settings cannot be read: {str(error).splitlines()[0]}",
            reason="other-settings",
            remedy="write KEY=A,B for several values, KEY=[A,B] for a list",
        ) from error
    chosen = [one[PARAMS.name] for one in found]
    if several := sorted(
        {_section(one) for words in chosen for one in words if one not in chosen[0]} & {*LAUNCH_SECTIONS}
    ):
        raise ConfigError(
            f"{', '.join(several)}: all experiments of one launch get the same value",
            reason="other-settings",
            remedy="give it one value, or launch twice",
        )
    return chosen


def _section(override: str) -> str:
    return override.lstrip("+").partition("=")[0].split(".")[0]


def launched_settings(root: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The settings by which a queue is launched.

    Raises:
        ConfigError: one of them would change what is trained, which the queue says.
    """
    if others := [one for one in overrides if _section(one) not in LAUNCH_SECTIONS]:
        raise ConfigError(
            f"{', '.join(others)}: the queue says what is trained",
            reason="other-settings",
            remedy=f"dvc exp run --queue -S {others[0]}; beside --queue only {', '.join(LAUNCH_SECTIONS)} are set",
        )
    return composed(root, *overrides)


def queued_experiments(root: Path, revision: str, store: Remote) -> tuple[list[Experiment], list[str]]:
    """What waits in the queue and can be launched from this commit, in the order it was queued; and in words what cannot."""
    launched = launched_before(store)
    found: list[Experiment] = []
    left_out: list[str] = []
    base = read_yaml(root / PARAMS, remedy="run `make params`")
    for name, baseline, commit in _entries(root):
        try:
            if why := _why_left(root, revision, baseline, commit, launched):
                left_out.append(f"{name}: {why}")
                continue
            text = with_value(require_git("show", f"{commit}:{PARAMS.name}", root=root), SHARE, True)
        except ConfigError as error:
            left_out.append(f"{name}: {error.message}")
            continue
        told = [as_override(key, after) for key, (_, after) in differences(base, parse_yaml(text)).items()]
        found.append(Experiment(params=text, changes=told, name=name, queued=commit))
    return found, left_out


def _why_left(root: Path, revision: str, baseline: str, commit: str, launched: Mapping[str, str]) -> str:
    if baseline != revision:
        return f"it was queued at commit {baseline[:10]}, and this is {revision[:10]}"
    changed = require_git("diff", "--name-only", baseline, commit, root=root).split()
    if others := [one for one in changed if one != PARAMS.name and not one.startswith(OF_DVC)]:
        return f"it changes {', '.join(others[:5])}, which no commit has"
    return f"launched already, as {launched[commit]}" if commit in launched else ""


def launched_before(store: Remote) -> dict[str, str]:
    """The job by the queue's commit, of jobs that may still bring it home."""
    jobs: dict[str, str] = {}
    for job in job_names(store):
        records = JobRecords(store, job)
        queued = (records.launch() or {}).get("queued")
        if queued and records.end in (None, DONE):
            jobs[queued] = job
    return jobs


def is_queued(root: Path, commit: str) -> bool:
    """Whether an experiment waits."""
    return any(one == commit for _, _, one in _entries(root))


def leave_queue(root: Path, commit: str) -> None:
    """Take an experiment whose result is here out of the queue, where it is still in it."""
    if is_queued(root, commit):
        _queue(root).remove([commit])


def _entries(root: Path) -> list[tuple[str, str, str]]:
    """(name, the commit it was queued at, the commit that holds it) of all that waits."""
    queued = _queue(root).iter_queued()
    return [(one.name or one.stash_rev[:7], one.baseline_rev, one.stash_rev) for one in queued]


def _queue(root: Path) -> Any:
    from dvc.repo import Repo  # pyright: ignore[reportMissingTypeStubs]

    return cast(Any, Repo)(str(root)).experiments.celery_queue
