"""What was paid for the images of a set, beside what they cost by the price list; no times, so that equal sets at
equal prices give equal tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from likeness.config import Config
from likeness.pipeline.stage import BY_FOLDER, STAGES
from likeness.purchases.prices import Quote
from likeness.report.collect import Collected
from likeness.report.words import usd
from likeness.run import is_remote


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A provider's name as manifests have it, and what it asks for one item by the price list."""

    provider: str
    quote: Quote


@dataclass(frozen=True, kw_only=True)
class MoneyRow:
    """What one stage's images cost; `planned` is items at the list price, `actual` what was booked."""

    name: str
    provider: str
    items: int
    price: str
    planned: str
    actual: str


def offers(cfg: Config) -> dict[str, Offer]:
    """What the remote providers of the graph ask for, by stage folder; nothing is asked of them, and what a local one
    needs may be on another machine."""
    sections = {spec.manifest: getattr(cfg, spec.name) for spec in STAGES if spec.provider and spec.manifest}
    remote = {folder: section.built() for folder, section in sections.items() if is_remote(section)}
    quotes = {folder: (one.name, one.quote(cfg.prices)) for folder, one in remote.items()}
    return {folder: Offer(provider=name, quote=quote) for folder, (name, quote) in quotes.items() if quote}


def money_rows(got: Collected, offers: Mapping[str, Offer]) -> list[MoneyRow]:
    """A row for each paid stage and one for all; none when nothing cost money. `offers` is by stage folder."""
    rows: list[MoneyRow] = []
    planned_usd = actual_usd = 0.0
    for step, offer in offers.items():
        bought = [entry for entry in got.steps[step].entries if entry.provider == offer.provider]
        planned, actual = len(bought) * offer.quote.usd, sum(entry.cost_usd for entry in bought)
        if not (planned or actual):
            continue
        planned_usd, actual_usd = planned_usd + planned, actual_usd + actual
        rows.append(
            MoneyRow(
                name=BY_FOLDER[step].title,
                provider=offer.provider,
                items=len(bought),
                price=usd(offer.quote.usd),
                planned=usd(planned),
                actual=usd(actual),
            )
        )
    if not actual_usd:
        return []
    total = MoneyRow(
        name="together", provider="", items=sum(row.items for row in rows), price="",
        planned=usd(planned_usd), actual=usd(actual_usd),
    )  # fmt: skip
    return [*rows, total]
