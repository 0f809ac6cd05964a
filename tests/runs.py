"""Runs of a stage in the current folder, as stages' programs make them."""

from pathlib import Path
from typing import Any

from likeness.paths import RepositoryPaths
from likeness.run import Run


def run_of(stage: str, config: Any, persona: Any, *, consent: Any = None) -> Run:
    """A run; with `consent` in place of the record in consent/."""
    run = Run(stage=stage, config=config, persona=persona, repository=RepositoryPaths(Path.cwd()))
    if consent is not None:
        vars(run)["consent"] = consent
    return run
