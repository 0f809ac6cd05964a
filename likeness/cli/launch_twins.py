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


def refuse_twins(plans: Sequence[LaunchPlan], store: Remote, engine: Engine | None) -> list[JobRecords]:
    """Refuse to train at the same time what a job is training: it would be paid twice.

    Returns those that are over for the engine and never said why they ended: their controller died, or they had no machine.
    Who takes their place ends their lease first, for a machine that is still at work.

    Raises:
        ConfigError: names the job.
    """
    seen: dict[str, str] = {}
    for one in plans:
        for job in training_jobs(store, one.trains):
            if job != one.job and JobRecords(store, job).end is None:
                seen[one.trains] = job
    twins = set(seen.values())
    over = {one.name for one in engine.jobs() if one.ended} & twins if engine and twins else set[str]()
    for one in plans:
        if (twin := seen.get(one.trains)) and twin not in over:
            raise ConfigError(
                f"{twin} trains the same, and has not ended",
                reason="launched-already",
                remedy=f"wait for it; or `likeness cloud stop {twin}`; or change a setting, such as train.seed",
            )
        seen[one.trains] = one.job
    return [JobRecords(store, job) for job in sorted(over)]
