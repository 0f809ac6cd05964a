"""Runs a stage's program, `python -m stages.NAME PERSONA`: settings, consent, places to write; then the work; then
its cost in time."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

from likeness.config import Config, load_config
from likeness.disk import discard, optional, try_place, write_atomic
from likeness.dvc_files import cache_folder, links_outputs
from likeness.errors import ConfigError, LikenessError, exit_on_error
from likeness.paths import PARAMS, RepositoryPaths
from likeness.persona import Persona
from likeness.pipeline.inputs import inputs, require_unchanged
from likeness.pipeline.outputs import require_room_in_cache
from likeness.pipeline.stage import BY_NAME, CHECKED
from likeness.pipeline.supervise import supervise
from likeness.program import for_this_user_alone
from likeness.providers import is_remote
from likeness.purchases.history import is_awaited, purchases, total_usd
from likeness.run import Run
from likeness.safety.consent.history import learn_from_git
from likeness.store import open_items

Main = Callable[[Run], None]


@for_this_user_alone()  # faces, and what is known of them, are this user's
def run(stage: str, main: Main) -> None:
    """Run a stage for the persona named on the command line; a LikenessError ends it with exit status 1."""
    started = time.monotonic()
    with exit_on_error(stage, onward="`dvc repro` goes on: what is finished is kept"):
        # DVC runs it, will note its inputs and take its outputs.
        of_dvc = os.environ.get("DVC_STAGE")
        before = inputs(of_dvc) if of_dvc else {}
        config = load_config(PARAMS)
        persona = _persona(config, sys.argv[1:], stage)
        current = Run(stage=stage, config=config, persona=persona, repository=RepositoryPaths.here())
        current.repository.keep_from_others()
        if config.items.engine == "ray" and BY_NAME[stage].spreads and not is_remote(current.section):
            from likeness.cluster import spread  # here: the local way is without it

            # What is bought, is bought by this one process: its waiting needs no second machine.
            current = replace(current, spread=partial(spread, main))
        learn_from_git(current.repository.root)
        current.require(*current.uses)
        for place in current.places():
            try_place(place)
        if is_remote(current.section):
            supervise(stage, persona.name, current.stop)
        seconds_of, folder = (
            current.repository.seconds(stage, persona.name),
            BY_NAME[stage].folder(current.paths),
        )
        # Figures of an earlier run are not this one's, however it ends.
        discard(seconds_of)
        if folder is not None:
            discard(current.repository.counts(folder))
        with _spending_tracked(current):
            try:
                main(current)
            except LikenessError:
                with contextlib.suppress(LikenessError):  # the first error is the one to tell
                    current.share()
                raise
            current.share()
        if of_dvc:
            require_unchanged(of_dvc, before, own=(current.paths.numbers, CHECKED))
            require_room_in_cache(current.outputs(), cache_folder(), linked=links_outputs())
    seconds = {
        "stage": stage,
        "persona": persona.name,
        "seconds": round(time.monotonic() - started, 1),
        "by": current.worker,
    }
    with optional():
        write_atomic(seconds_of, json.dumps(seconds).encode())


@contextlib.contextmanager
def _spending_tracked(current: Run) -> Generator[None, None, None]:
    """One MLflow run for what a stage buys, planned beside actual; none where nothing is bought, nor when the run
    was stopped: it has no time to lose, and the history has it all."""
    if not is_remote(current.section):
        yield
        return
    path = current.repository.spending
    before = {purchase.id: purchase.end for purchase in purchases(path)}
    try:
        yield
    finally:
        mine = (current.stage, current.persona.name)
        ours = [p for p in purchases(path) if (p.stage, p.persona) == mine and p.usd_max]
        paid = [p for p in ours if p.end == "paid" and before.get(p.id) != "paid"]
        items = open_items(current.config, current.repository, read_only=True)
        doubt = [p for p in ours if p.end == "open" and p.id not in before and not is_awaited(p, items)]
        if (paid or doubt) and not current.stop.is_set():
            figures = {
                "planned_usd": sum(p.usd_max for p in paid),
                "actual_usd": total_usd(paid),
                "purchases": len(paid),
                "in_doubt": len(doubt),
            }
            with current.tracker({current.stage: current.section.model_dump(mode="json")}) as tracker:
                tracker.log_metrics([(0, figures)])


def _persona(config: Config, arguments: list[str], stage: str) -> Persona:
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"python -m stages.{stage} PERSONA\n\n{sys.modules['__main__'].__doc__}")
        raise SystemExit
    if len(arguments) != 1 or arguments[0] not in config.personas:
        known = ", ".join(config.personas)
        raise ConfigError(
            f"a stage takes one persona of params.yaml ({known}), not {' '.join(arguments) or 'nothing'}",
            remedy=f"python -m stages.{stage} {next(iter(config.personas))}, or `dvc repro`",
        )
    return config.personas[arguments[0]]
