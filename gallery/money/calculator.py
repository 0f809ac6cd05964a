"""What a gallery earns and costs, with one's own figures."""

from dataclasses import dataclass

DAYS = 30
DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month of 30 days, in cents; `most_per_day` is what one worker draws in a day without a pause."""

    revenue_cents: int
    cost_cents: int
    profit_cents: int
    cost_per_picture_cents: float
    most_per_day: int
    workers: int


def month(*, price_cents: int, per_day: int, cost_cents: int, seconds: float) -> Month:
    """`cost_cents` a month for each worker; `seconds` a picture, as measured."""
    most = int(DAY_SECONDS // seconds)
    workers = max(1, -(-per_day // most)) if most else 0
    revenue, cost = price_cents * per_day * DAYS, cost_cents * workers
    each = round(cost / (per_day * DAYS), 3) if per_day else 0.0
    return Month(revenue_cents=revenue, cost_cents=cost, profit_cents=revenue - cost, cost_per_picture_cents=each,
                 most_per_day=most, workers=workers)  # fmt: skip
