"""Prices: conf/prices.yaml, with source and date."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from likeness.errors import ConfigError
from likeness.settings import Section

Unit = Literal["call", "million tokens", "hour"]


class Price(Section):
    """What one unit costs, who says so, and when that was read."""

    usd: float = Field(ge=0)
    per: Unit
    source: str = Field(min_length=1)
    date: datetime.date


Prices = Mapping[str, Mapping[str, Price]]
"""prices[vendor][what], as conf/prices.yaml says."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What one item of a provider takes: calls that cost money, the most they cost, and their time."""

    calls: int
    usd: float
    seconds: float


def price_of(prices: Prices, vendor: str, what: str) -> Price:
    """The price of one thing.

    Raises:
        ConfigError: it has none: nothing is bought at a price that nobody wrote down.
    """
    try:
        return prices[vendor][what]
    except KeyError:
        raise ConfigError(
            f"prices.{vendor} has no price for {what!r}",
            reason="no-price",
            remedy="add it to conf/prices.yaml with its source and date",
        ) from None
