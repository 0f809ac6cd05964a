"""A stage whose items are made on a cluster, as a program of its own: `python -m cluster_stage` prints what became of each.

An item leaves a mark in attempts/ for each try, and waits while there is a file `hold`.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from conf_sections import composition

from likeness.cluster import spread
from likeness.config import load_config
from likeness.errors import ConsentError, InputError, ProviderError, TransientError, exit_on_error
from likeness.paths import RepositoryPaths
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.run import Run
from likeness.store.keys import item_key

ITEMS = 12
ERRORS: dict[int, Exception] = {
    3: InputError("too dark", reason="dark", remedy="more light", kind="refused"),
    5: ProviderError("it says no", reason="no"),
    6: TransientError("it is busy", reason="busy"),
    7: ValueError("of a library"),
}


@dataclass(frozen=True, kw_only=True)
class TriedRun(Run):
    """A run whose consent ends with a file `revoked`."""

    def require(self, *uses: str) -> None:
        if Path("revoked").exists():
            raise ConsentError("it was revoked", remedy="ask her")


def tried_run(*overrides: str, stage: str = "resize") -> Run:
    Path("params.yaml").write_bytes(composition(*overrides))
    config = load_config(Path("params.yaml"))
    repository = RepositoryPaths(Path.cwd())
    return TriedRun(stage=stage, config=config, persona=config.personas["jade"], repository=repository)


def works() -> list[Work]:
    return [
        Work(id=f"jade-s{n}", key=item_key("tried", 1, {}, [str(n)]), make=partial(make, n), judge=partial(judge, n), source=str(n))
        for n in range(ITEMS)
    ]  # fmt: skip


def judge(number: int, record: object) -> None:
    if number == 9:
        raise InputError("a gate", reason="gate", remedy="another photograph", kind="refused")


def make(number: int) -> Made:
    attempts = Path("attempts")
    attempts.mkdir(exist_ok=True)
    (attempts / f"{number}.{os.getpid()}").touch()
    while Path("hold").exists():
        time.sleep(0.05)
    if number in ERRORS:
        raise ERRORS[number]
    return Made(files={"image.png": f"picture {number}".encode()}, record={"number": number})


def main(run: Run) -> None:
    """The stage, as a program of stages/ has it."""
    run.batch(works())


def told(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        repr((one.work.id, one.failure, sorted(one.item.files.items()) if one.item else None, one.reused, one.unfinished))
        for one in outcomes
    ]  # fmt: skip


if __name__ == "__main__":
    with exit_on_error("resize"):
        run = tried_run("items.engine=ray")
        print(*told(replace(run, spread=partial(spread, main)).batch(works())), sep="\n")
        sys.exit(0)
