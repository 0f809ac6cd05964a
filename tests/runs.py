"""Runs of a stage in the current folder, as stages' programs make them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likeness.paths import RepositoryPaths
from likeness.run import Run


@dataclass(frozen=True, kw_only=True)
class AttestedRun(Run):
    """A run under a record that no file holds, and that covers everything."""

    record: Any

    @property
    def consent(self) -> Any:
        return self.record

    def require(self, *uses: str) -> None:
        """It does."""


def run_of(stage: str, config: Any, persona: Any, *, consent: Any = None) -> Run:
    """A run; with `consent` in place of the record in consent/."""
    given = {"stage": stage, "config": config, "persona": persona, "repository": RepositoryPaths(Path.cwd())}
    return Run(**given) if consent is None else AttestedRun(**given, record=consent)
