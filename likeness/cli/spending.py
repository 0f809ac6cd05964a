"""What was bought, by day, stage and provider, and what is left of the budget; from .cache/ledger/spending.jsonl; and what
the last run made, reused and refused (`make demo` ends with it)."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from likeness.cli.arguments import Json, Personas, print_json
from likeness.cli.tables import say, show, table
from likeness.config import load_config
from likeness.formatting import format_usd
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import STAGES
from likeness.purchases.history import (
    PastPurchase,
    budget_words,
    is_awaited,
    last_counts,
    last_seconds,
    purchases,
    total_usd,
)
from likeness.store import open_items


@dataclass(kw_only=True)
class Row:
    """Purchases of one day, stage and provider: delivered ones, ordered ones that the next run collects, and those of
    which nobody knows whether they were carried out; `usd` counts the last two with the most they can cost."""

    day: str
    stage: str
    provider: str
    purchases: int = 0
    awaited: int = 0
    in_doubt: int = 0
    usd: float = 0.0


def spending_command(as_json: Json = False) -> None:
    """Show what was bought and what is left of the budget.

    A line for each day, stage and provider. Requests that cost nothing are not listed.

    \b
    Examples:
      likeness spending
      likeness spending --json
    """
    cfg = load_config(PARAMS)
    repository = RepositoryPaths.here()
    items, bought = open_items(cfg, repository, read_only=True), purchases(repository.spending)
    found, spent = rows(bought, lambda purchase: is_awaited(purchase, items)), total_usd(bought)
    if as_json:
        values = {"rows": [asdict(row) for row in found], "spent_usd": spent, "max_usd": cfg.budget.max_usd}
        print_json(values)
        return
    show(_table(found)) if found else say("Nothing was bought.")
    say(budget_words(spent, cfg.budget.max_usd))


def rows(bought: Iterable[PastPurchase], awaited: Callable[[PastPurchase], bool]) -> list[Row]:
    """In the order of days, stages and providers."""
    found: dict[tuple[str, str, str], Row] = {}
    for purchase in bought:
        if not purchase.usd_max:
            continue
        place = (purchase.day, purchase.stage, purchase.provider)
        row = found.setdefault(place, Row(day=place[0], stage=place[1], provider=place[2]))
        row.usd += purchase.usd
        if purchase.end == "paid":
            row.purchases += 1
        elif purchase.end == "open":
            if awaited(purchase):
                row.awaited += 1
            else:
                row.in_doubt += 1
    return [found[place] for place in sorted(found)]


def _table(found: list[Row]) -> Table:
    words, numbers = ("day", "stage", "provider"), ("purchases", "awaited", "in doubt", "cost")
    view = table("what was bought", left=words, right=numbers)
    for row in found:
        counts = (row.purchases, row.awaited or "-", row.in_doubt or "-")
        view.add_row(row.day, row.stage, row.provider, *map(str, counts), format_usd(row.usd))
    view.add_section()
    sums = [sum(getattr(row, name) for row in found) for name in ("purchases", "awaited", "in_doubt")]
    view.add_row("total", "", "", *map(str, sums), format_usd(sum(row.usd for row in found)))
    return view


COUNTS = ("items", "made", "reused", "failed", "refused", "skipped")


def summary_command(personas: Personas = None, as_json: Json = False) -> None:
    """Show what the last run made and what it cost.

    For each stage: items made, reused, failed, refused and skipped, seconds, cost. Then where the results are.

    \b
    Examples:
      likeness summary
      likeness summary jade --json
    """
    cfg, repository = load_config(PARAMS), RepositoryPaths.here()
    names = [cfg.persona(name).name for name in personas or cfg.personas]
    spent, limit = total_usd(purchases(repository.spending)), cfg.budget.max_usd
    if as_json:
        shown = {
            name: {"stages": stages(repository, name), "results": results(PersonaPaths(name))}
            for name in names
        }
        print_json({"personas": shown, "spent_usd": spent, "max_usd": limit})
        return
    for name in names:
        show(_last_run(name, stages(repository, name)))
        for what, path in results(PersonaPaths(name)).items():
            say(f"  {what:<10} {path}")
    if spent:
        say(budget_words(spent, limit))


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


def _last_run(persona: str, stages: dict[str, dict[str, Any]]) -> Table:
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
