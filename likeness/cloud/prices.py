"""What an hour of a machine costs: conf/prices.yaml first, else the engine's catalogue, with the day it was read."""

import datetime
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.cloud import CloudConfig, Machine
from likeness.cloud.engine import Engine, Offer
from likeness.cloud.runpod import RunPod
from likeness.errors import ConfigError
from likeness.formatting import format_usd
from likeness.purchases.prices import Prices

# Today is today in UTC: a hand may have written tomorrow.
A_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PricedMachine:
    """A machine that may be rented; `usd` is the most that an hour of it costs in any region, `source` who says so and
    `date` when that was read (None: it is one's own)."""

    machine: Machine
    usd: float
    source: str
    date: datetime.date | None


def machines_of_today(
    cloud: CloudConfig, prices: Prices, engine: Engine | None, today: datetime.date
) -> tuple[list[PricedMachine], list[str]]:
    """As `priced_machines`, of what the engine and RunPod say today; RunPod is asked where there is a key for it, and which machines
    it has none of just now is told besides."""
    asked = [one for one in cloud.machines if not one.own and one.priced_as not in prices.get(one.vendor, {})]
    offers: dict[str, list[Offer]] = {}
    unread = {one.words: "SkyPilot is not installed here (`make sky`)" for one in asked}
    if engine is not None:
        offers, unread = engine.offers(asked)
    none: list[str] = []
    if os.environ.get(cloud.runpod.api_key_env) and any(one.vendor == "runpod" for one in asked):
        with RunPod(cloud.runpod, stop=threading.Event()) as account:
            own, none = account.offers(asked, today)
        offers |= own
    found, left_out = priced_machines(cloud, prices, offers, today, unread)
    return found, [
        *left_out,
        *(f"{words}: no stock at RunPod just now; it is asked for all the same" for words in none),
    ]


def priced_machines(
    cloud: CloudConfig,
    prices: Prices,
    offers: Mapping[str, Sequence[Offer]],
    today: datetime.date,
    unread: Mapping[str, str],
) -> tuple[list[PricedMachine], list[str]]:
    """The machines that may be rented, the cheapest first, and why the others may not.

    `offers` is the engine's catalogue by `Machine.words`, `unread` why it could not be read for others.

    Raises:
        ConfigError: `no-machine`: none is left; nothing was rented.
    """
    found: list[PricedMachine] = []
    causes: dict[str, list[str]] = {}
    for machine in cloud.machines:
        priced = _price(machine, prices, offers.get(machine.words, ()), cloud.max_usd_per_hour)
        if (why := _refusal(priced, cloud, today, unread.get(machine.words))) is not None:
            causes.setdefault(why, []).append(machine.words)
        elif priced is not None:
            found.append(priced)
    refused = [f"{', '.join(machines)}: {why}" for why, machines in causes.items()]
    if not found:
        raise ConfigError(
            "no machine may be rented:\n  " + "\n  ".join(refused),
            reason="no-machine",
            remedy="write the price with its source and today's date into conf/prices.yaml (per: hour), raise the limit in "
            "conf/cloud/, or choose other machines (`-S cloud=any`; docs/cloud.md has them all)",
        )
    return sorted(found, key=lambda one: one.usd), refused


def _refusal(
    priced: PricedMachine | None, cloud: CloudConfig, today: datetime.date, unread: str | None
) -> str | None:
    """Why a machine may not be rented."""
    if priced is None and unread:
        return f"conf/prices.yaml has no price, and the engine's catalogue cannot be read: {unread}"
    if priced is None:
        return "neither conf/prices.yaml nor the engine's catalogue has a price"
    if priced.date and (age := (today - priced.date).days) > cloud.max_price_age_days:
        return f"its price is of {priced.date}, {age} days old"
    if priced.date and priced.date > today + A_DAY:
        return f"its price is of {priced.date}, which is still to come"
    if priced.usd > cloud.max_usd_per_hour:
        return f"{format_usd(priced.usd)} an hour is more than cloud.max_usd_per_hour"
    return None


def _price(machine: Machine, prices: Prices, offers: Sequence[Offer], max_usd: float) -> PricedMachine | None:
    if machine.own:
        return PricedMachine(machine=machine, usd=0.0, source="your own machine", date=None)
    own = prices.get(machine.vendor, {}).get(machine.priced_as)
    if own is not None:
        if own.per != "hour":
            raise ConfigError(
                f"prices.{machine.vendor}.{machine.priced_as} is per {own.per}, and machines are paid by the hour",
                reason="no-price",
                remedy="write per: hour in conf/prices.yaml",
            )
        return PricedMachine(machine=machine, usd=own.usd, source=own.source, date=own.date)
    # A list has 0 where a region does not offer the machine.
    if not (real := [offer for offer in offers if offer.usd > 0]):
        return None
    # The engine is told max_hourly_cost: of the dearer regions it takes none.
    within = [offer for offer in real if offer.usd <= max_usd] or [min(real, key=lambda one: one.usd)]
    dearest = max(within, key=lambda one: one.usd)
    return PricedMachine(machine=machine, usd=dearest.usd, source=dearest.source, date=dearest.date)
