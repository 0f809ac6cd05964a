"""spending: what was bought, by day, stage and provider, and what is left of the budget.

python -m likeness.cli.spending [--json]

Reads .cache/ledger/spending.jsonl; questions that cost nothing are not listed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from likeness.config import load_config
from likeness.errors import LikenessError
from likeness.paths import RepositoryPaths
from likeness.purchases.history import (
    Purchase,
    budget_words,
    format_usd,
    is_awaited,
    purchases,
    total_usd,
)
from likeness.run import PARAMS, open_items


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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m likeness.cli.spending", description="what was bought")
    parser.add_argument("--json", action="store_true", help="for programs")
    parsed = parser.parse_args(arguments)
    cfg = load_config(PARAMS)
    repository = RepositoryPaths.here()
    items, bought = open_items(cfg, repository, read_only=True), purchases(repository.spending)
    found, spent = rows(bought, lambda purchase: is_awaited(purchase, items)), total_usd(bought)
    if parsed.json:
        told = {"rows": [asdict(row) for row in found], "spent_usd": spent, "max_usd": cfg.budget.max_usd}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return 0
    console = Console()
    console.print(_table(found) if found else "Nothing was bought.", highlight=False)
    console.print(budget_words(spent, cfg.budget.max_usd), highlight=False, soft_wrap=True)
    return 0


def rows(bought: Iterable[Purchase], awaited: Callable[[Purchase], bool]) -> list[Row]:
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
    view = Table(title="what was bought", title_justify="left")
    for heading in ("day", "stage", "provider", "purchases", "awaited", "in doubt", "cost"):
        view.add_column(heading, justify="left" if heading in ("day", "stage", "provider") else "right")
    for row in found:
        counts = (row.purchases, row.awaited or "-", row.in_doubt or "-")
        view.add_row(row.day, row.stage, row.provider, *map(str, counts), format_usd(row.usd))
    view.add_section()
    sums = [sum(getattr(row, name) for row in found) for name in ("purchases", "awaited", "in_doubt")]
    view.add_row("total", "", "", *map(str, sums), format_usd(sum(row.usd for row in found)))
    return view


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except LikenessError as error:
        sys.stderr.write(f"\nspending: {error}\n")
        raise SystemExit(1) from error
