"""Providers of the fake servers as conf/ would build them, quick to poll and to retry."""

import itertools
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from conf_sections import section

from likeness.providers import Task, build
from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.buy import Buyer
from likeness.purchases.prices import Price
from likeness.store.items import ItemStore

CONF = Path(__file__).parents[1] / "conf"
PRICES = {
    provider: {what: Price.model_validate(price) for what, price in prices.items()}
    for provider, prices in yaml.safe_load((CONF / "prices.yaml").read_text()).items()
}
QUICK = {
    "in_flight": 8,
    "connect_s": 5,
    "write_s": 5,
    "read_s": 30,
    "attempts": 8,
    "backoff_s": 0.01,
    "backoff_max_s": 0.05,
}


def provider(choice: str, changes: dict[str, Any] | None = None, **more: Any) -> Any:
    """The provider of conf/`choice`.yaml ("swap/maxstudio") with some settings changed."""
    changes = {**(changes or {}), **more}
    settings = section(f"{choice}.yaml")["provider"]
    settings["limits"] |= {**QUICK, **changes.pop("limits", {})}
    if "s3" in settings:
        settings["s3"] = {"endpoint_url": None, "region": None, "profile": None}
    if "poll_s" in settings:
        settings |= {"poll_s": 0.02, "job_limit_s": 60}
    return build(cast(Task, choice.partition("/")[0]), settings | changes)


def each_look_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever waits for a job: `job_limit_s` is a number of looks."""
    clock = SimpleNamespace(monotonic=itertools.count().__next__)
    monkeypatch.setattr("likeness.purchases.buy.time", clock)


def buyer_at(folder: Path, max_usd: float | None = None, stage: str = "swap") -> Buyer:
    """A buyer with the store and the ledger of `folder`."""
    spending = Spending(
        folder / "spending.jsonl",
        prices=PRICES,
        budget=BudgetConfig(max_usd=max_usd),
        stage=stage,
        persona="jade",
    )
    return Buyer(ItemStore(folder / "items"), spending, threading.Event())
