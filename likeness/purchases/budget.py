"""How much may be spent, and what was.

The history `.cache/ledger/spending.jsonl` has a line before each purchase (`asked`, with the most it can cost) and
one after it (`paid` with the real cost, or `void` where the provider certainly billed nothing). A purchase that was
asked for and never ended, in a crash say, keeps counting with the most it can cost: the budget errs on the safe side.
"""

import datetime
import fcntl
import json
import os
import threading
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from likeness.digests import Json
from likeness.errors import QuotaError
from likeness.formatting import format_usd
from likeness.purchases.prices import Price, Prices, price_of
from likeness.settings import Section

# Sums of decimal prices: two that differ by less are equal.
ROUNDING_USD = 1e-9


class BudgetConfig(Section):
    """Section `budget`: the most this repository may spend in all, its earlier runs included; null is no limit."""

    max_usd: float | None = Field(ge=0)


class Spending:
    """What one run of a stage may spend and has spent; safe for several threads and several processes."""

    def __init__(
        self, history: Path, *, prices: Prices, budget: BudgetConfig, stage: str, persona: str
    ) -> None:
        self.prices = prices
        self._history, self._budget = history, budget
        self._who = {"stage": stage, "persona": persona}
        self._lock = threading.Lock()
        self._offset = 0
        self._counts: dict[str, float] = {}
        self._total_usd = 0.0
        self.spent_usd = 0.0
        self.purchases = 0
        self.in_doubt = 0

    def price(self, provider: str, what: str) -> Price:
        """See `price_of`."""
        return price_of(self.prices, provider, what)

    @property
    def total_usd(self) -> float:
        """All that this repository has spent or may owe for purchases that never ended."""
        with self._locked():
            return self._total_usd

    def reserve(self, what: str, item: str, key: str, usd_max: float) -> str:
        """Write down that up to `usd_max` is about to be spent; returns the purchase's id.

        Raises:
            QuotaError: it could exceed `budget.max_usd`; nothing was sent.
        """
        purchase = uuid.uuid4().hex
        with self._locked() as file:
            limit = self._budget.max_usd
            if limit is not None and self._total_usd + usd_max > limit + ROUNDING_USD:
                raise QuotaError(
                    f"{item}: {what} could cost {format_usd(usd_max)}; {format_usd(self._total_usd)} of the budget of "
                    f"{format_usd(limit)} are spent or reserved",
                    reason="budget",
                    remedy="`likeness plan` shows what is left to do and its cost; "
                    "raise budget.max_usd in conf/budget/ and run `make params`",
                )
            self._append(
                file,
                {
                    "id": purchase,
                    "state": "asked",
                    "usd": usd_max,
                    "what": what,
                    "item": item,
                    "key": key,
                    **self._who,
                },
            )
            self._counts[purchase] = usd_max
            self._total_usd += usd_max
        return purchase

    def pay(self, purchase: str, usd: float, usage: Mapping[str, Json]) -> None:
        """The purchase was delivered and cost `usd`, by this word or a later one."""
        self._end({"id": purchase, "state": "paid", "usd": usd, "usage": dict(usage)})
        with self._lock:
            self.spent_usd += usd
            self.purchases += 1

    def void(self, purchase: str) -> None:
        """The provider certainly billed nothing."""
        self._end({"id": purchase, "state": "void", "usd": 0.0})

    def doubt(self, purchase: str) -> None:
        """Perhaps billed, never delivered: it keeps counting."""
        with self._lock:
            self.in_doubt += 1
            self.spent_usd += self._counts.get(purchase, 0.0)

    def _end(self, line: dict[str, Json]) -> None:
        with self._locked() as file:
            self._append(file, line)
            self._count(line)

    def _append(self, file: int, line: dict[str, Json]) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        os.write(file, json.dumps({"time": now, **line}).encode() + b"\n")
        os.fsync(file)
        self._offset = os.fstat(file).st_size

    @contextmanager
    def _locked(self) -> Generator[int, None, None]:
        """The history's descriptor, alone among threads and processes, with what others wrote counted."""
        self._history.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            file = os.open(self._history, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._catch_up(file)
                yield file
            finally:
                os.close(file)

    def _catch_up(self, file: int) -> None:
        unread = os.pread(file, os.fstat(file).st_size - self._offset, self._offset)
        if unread and not unread.endswith(b"\n"):  # a power cut in the middle of a line
            os.write(file, b"\n")
        self._offset = os.fstat(file).st_size
        for line in entries(unread):
            self._count(line)

    def _count(self, line: Mapping[str, Json]) -> None:
        purchase, usd = line["id"], float(line["usd"])
        # The last word counts: what was booked by an estimate is booked again by the bill.
        self._total_usd += usd - self._counts.get(purchase, 0.0)
        self._counts[purchase] = usd


def entries(text: bytes) -> Iterator[dict[str, Json]]:
    """The history's lines that are whole."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
