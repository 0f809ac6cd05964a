"""Jobs of one persona run side by side, but the same training never runs twice at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from likeness.cloud.engine import Engine
from likeness.cloud.plan import LaunchPlan
from likeness.cloud.records import JobRecords, training_jobs
from likeness.conf_digest import DIGESTS, values_digest
from likeness.errors import ConfigError
from likeness.store.s3 import Remote

# What says how something is launched, and nothing of what is trained.
LAUNCH_SECTIONS = ("cloud", "budget")


def trained(persona: str, revision: str, values: Mapping[str, Any]) -> str:
    """A digest of what decides what a job makes, and of nothing that says how it is launched."""
    return values_digest(
        {key: value for key, value in values.items() if key not in (*LAUNCH_SECTIONS, *DIGESTS)}
        | {"persona": persona, "revision": revision}
    )


def find_twins(
    plans: Sequence[LaunchPlan], store: Remote, engine: Engine | None
) -> tuple[dict[str, ConfigError], list[JobRecords]]:
    """Why some of these jobs, by their names, may not go out: what another job is training, or one before it in `plans`, would be
    paid twice.

    Beside it those that are over for the engine and never said why they ended: their controller died, or they had no machine.
    Who takes their place ends their lease first, for a machine that is still at work.
    """
    seen: dict[str, str] = {}
    for one in plans:
        for job in training_jobs(store, one.trains):
            if job != one.job and JobRecords(store, job).end is None:
                seen[one.trains] = job
    twins = set(seen.values())
    over = {one.name for one in engine.jobs() if one.ended} & twins if engine and twins else set[str]()
    refused: dict[str, ConfigError] = {}
    for one in plans:
        if (twin := seen.get(one.trains)) and twin not in over:
            refused[one.job] = ConfigError(
                f"{twin} trains the same, and has not ended",
                reason="launched-already",
                remedy=f"wait for it; or `likeness cloud stop {twin}`; or change a setting, such as train.seed",
            )
        else:
            seen[one.trains] = one.job
    return refused, [JobRecords(store, job) for job in sorted(over)]


def refuse_twins(plan: LaunchPlan, store: Remote, engine: Engine | None) -> None:
    """Refuse one job; see `find_twins`.

    Raises:
        ConfigError: names the job that trains the same.
    """
    refused, _ = find_twins([plan], store, engine)
    for error in refused.values():
        raise error
