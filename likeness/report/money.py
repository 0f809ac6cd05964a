"""What was paid for the images of a set, beside what they cost by the price list; no times, so that equal sets at
equal prices give equal tables."""

from collections.abc import Mapping
from typing import Any

from likeness.config import Config
from likeness.pipeline.stage import BY_FOLDER, STAGES
from likeness.providers import is_remote
from likeness.purchases.prices import Quote
from likeness.report.collect import Collected
from likeness.report.words import usd


def offers(cfg: Config) -> dict[str, tuple[str, Quote]]:
    """By stage folder the remote providers of the graph, by the names that manifests have, with what each asks for one item;
    nothing is asked of them, and what a local one needs may be on another machine."""
    sections = {spec.manifest: getattr(cfg, spec.name) for spec in STAGES if spec.provider and spec.manifest}
    remote = {folder: section.built() for folder, section in sections.items() if is_remote(section)}
    quotes = {folder: (one.name, one.quote(cfg.prices)) for folder, one in remote.items()}
    return {folder: (name, quote) for folder, (name, quote) in quotes.items() if quote}


def money_rows(got: Collected, offers: Mapping[str, tuple[str, Quote]]) -> list[dict[str, Any]]:
    """A row for each paid stage and one for all; none when nothing cost money. `planned` is items at the list price, `actual`
    what was booked."""
    rows: list[dict[str, Any]] = []
    items = planned_usd = actual_usd = 0
    for step, (provider, quote) in offers.items():
        bought = [entry for entry in got.steps[step].entries if entry.provider == provider]
        planned, actual = len(bought) * quote.usd, sum(entry.cost_usd for entry in bought)
        if planned or actual:
            items, planned_usd, actual_usd = items + len(bought), planned_usd + planned, actual_usd + actual
            rows.append(_row(BY_FOLDER[step].title, provider, len(bought), usd(quote.usd), planned, actual))
    return [*rows, _row("together", "", items, "", planned_usd, actual_usd)] if actual_usd else []


def _row(
    name: str, provider: str, items: int, price: str, planned_usd: float, actual_usd: float
) -> dict[str, Any]:
    planned, actual = usd(planned_usd), usd(actual_usd)
    return {
        "name": name,
        "provider": provider,
        "items": items,
        "price": price,
        "planned": planned,
        "actual": actual,
    }
