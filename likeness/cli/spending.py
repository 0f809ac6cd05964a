"""What was bought, by day, stage and provider, and what is left of the budget; from .cache/ledger/spending.jsonl."""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from rich.table import Table

from likeness.cli.arguments import Json
from likeness.cli.tables import console, say, table
from likeness.config import load_config
from likeness.formatting import format_usd
from likeness.paths import PARAMS, RepositoryPaths
from likeness.purchases.history import (
    PastPurchase,
    budget_words,
    is_awaited,
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

    By day, stage and provider; requests that cost nothing are not listed.

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
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
        return
    terminal = console()
    terminal.print(_table(found) if found else "Nothing was bought.", highlight=False)
    say(terminal, budget_words(spent, cfg.budget.max_usd))


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
