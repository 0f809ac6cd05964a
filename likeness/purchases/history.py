"""The history of this repository (.cache/ledger/): purchases with how they ended, and what the last run of a stage took.

likeness/purchases/budget.py writes spending.jsonl, a line before each purchase and one after it; here they are one again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from likeness.formatting import format_usd
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.stage import BY_NAME
from likeness.purchases.budget import entries
from likeness.store.items import ItemStore, Json

End = Literal["paid", "void", "open"]


@dataclass(frozen=True, kw_only=True)
class PastPurchase:
    """One purchase: `usd_max` was reserved for it, `usd` counts against the budget: the real cost once it is paid,
    the reservation while it is open, nothing when it was void (certainly not billed)."""

    id: str
    day: str
    stage: str
    persona: str
    provider: str
    key: str
    usd_max: float
    usd: float
    end: End


def purchases(path: Path) -> list[PastPurchase]:
    """All purchases in the order they were asked for."""
    reserved: dict[str, dict[str, Json]] = {}
    ends: dict[str, dict[str, Json]] = {}
    for line in entries(path.read_bytes()) if path.is_file() else ():
        (reserved if line["state"] == "asked" else ends)[line["id"]] = line
    return [
        PastPurchase(
            id=number,
            day=line["time"][:10],
            stage=line["stage"],
            persona=line["persona"],
            provider=line["what"].partition(" ")[0],
            key=line["key"],
            usd_max=float(line["usd"]),
            usd=float(ends.get(number, line)["usd"]),
            end=ends[number]["state"] if number in ends else "open",
        )
        for number, line in reserved.items()
    ]


def total_usd(bought: Iterable[PastPurchase]) -> float:
    """What counts against the budget."""
    return sum((purchase.usd for purchase in bought), 0.0)


def is_awaited(purchase: PastPurchase, items: ItemStore) -> bool:
    """Whether an open purchase is pending: the next run collects what was ordered."""
    order = items.orders.pending(purchase.key) if purchase.end == "open" else None
    return order is not None and order.get("purchase") == purchase.id


def budget_words(spent_usd: float, max_usd: float | None) -> str:
    """What is spent of the budget, in a sentence."""
    if max_usd is None:
        return f"Spent so far, with what is reserved: {format_usd(spent_usd)}; there is no budget."
    left = max(0.0, max_usd - spent_usd)
    return (
        f"Spent so far, with what is reserved: {format_usd(spent_usd)} of a budget of {format_usd(max_usd)}; "
        f"{format_usd(left)} left."
    )


def last_counts(repository: RepositoryPaths, stage: str, persona: str) -> dict[str, Any]:
    """Numbers of items the last run made, reused, refused; empty before the first one, and where a stage counts none."""
    folder = BY_NAME[stage].folder(PersonaPaths(persona))
    return {} if folder is None else _read(repository.counts(folder))


def last_seconds(repository: RepositoryPaths, stage: str, persona: str) -> float | None:
    """How long the last run took."""
    return _read(repository.seconds(stage, persona)).get("seconds")


def seconds_an_item(
    repository: RepositoryPaths, stage: str, persona: str, worker: Mapping[str, Any] | None
) -> float | None:
    """What the last run took for each item that it made; None when it made nothing, or another `Run.worker` made it."""
    last = _read(repository.seconds(stage, persona))
    items = last_counts(repository, stage, persona).get("made", 0)
    return last["seconds"] / items if items and last and last.get("by") == worker else None


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}
