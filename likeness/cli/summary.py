"""What the last run made, reused and refused, what it cost, and where to look (`make demo` ends with it)."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from likeness.cli.arguments import Json
from likeness.cli.tables import console, say, table
from likeness.config import load_config
from likeness.formatting import format_usd
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import STAGES
from likeness.purchases.history import (
    budget_words,
    last_counts,
    last_seconds,
    purchases,
    total_usd,
)

COUNTS = ("items", "made", "reused", "failed", "refused", "skipped")


def summary_command(as_json: Json = False) -> None:
    """Show what the last run made and what it cost.

    Items made, reused, failed and refused by stage, seconds, cost, and where the results are.

    \b
    Examples:
      likeness summary
      likeness summary --json
    """
    cfg, repository = load_config(PARAMS), RepositoryPaths.here()
    spent, limit = total_usd(purchases(repository.spending)), cfg.budget.max_usd
    if as_json:
        personas = {
            name: {"stages": stages(repository, name), "results": results(PersonaPaths(name))}
            for name in cfg.personas
        }
        values = {"personas": personas, "spent_usd": spent, "max_usd": limit}
        sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")
        return
    terminal = console()
    for name in cfg.personas:
        terminal.print(_table(name, stages(repository, name)))
        for what, path in results(PersonaPaths(name)).items():
            say(terminal, f"  {what:<10} {path}")
    if spent:
        say(terminal, budget_words(spent, limit))


def stages(repository: RepositoryPaths, persona: str) -> dict[str, dict[str, Any]]:
    """Counts, cost and seconds of each stage's last run, as far as it tells them."""
    return {
        spec.name: {
            **last_counts(repository, spec.name, persona),
            "seconds": last_seconds(repository, spec.name, persona),
        }
        for spec in STAGES
        if spec.per_persona
    }


def results(places: PersonaPaths) -> dict[str, Path]:
    """The files that a person looks at, as far as they are there."""
    paths = {
        "report": places.report_page.absolute(),
        "LoRA": places.weights,
        "dataset": places.dataset_zip,
        "samples": places.contact_sheet,
    }
    return {what: path for what, path in paths.items() if path.exists()}


def _table(persona: str, stages: dict[str, dict[str, Any]]) -> Table:
    view = table(f"{persona}: the last run of each stage", left=["stage"], right=(*COUNTS, "seconds", "cost"))
    for stage, run in stages.items():
        seconds = "" if run["seconds"] is None else f"{run['seconds']:.1f}"
        cost = format_usd(run["cost_usd"]) if "cost_usd" in run else ""
        view.add_row(stage, *(str(run.get(count, "")) for count in COUNTS), seconds, cost)
    view.add_section()
    total_s = sum(run["seconds"] or 0.0 for run in stages.values())
    spent = sum(run.get("cost_usd", 0.0) for run in stages.values())
    view.add_row("total", *[""] * len(COUNTS), f"{total_s:.1f}", format_usd(spent))
    return view
