"""Buying one item, once: looked for, reserved, ordered, waited for, stored, paid - in this order, so that a crash
at any moment neither loses what was paid for nor buys it again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from likeness.errors import InDoubtError, JobLostError, LikenessError, TransientError
from likeness.purchases.budget import Spending
from likeness.store.items import Item, ItemStore, Json

ORDERS = 3
"""How often one item is ordered in one run when orders get lost, the first included."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a purchase brought: files by name, its real cost, and what the provider says it used."""

    files: dict[str, bytes]
    usd: float
    usage: dict[str, Json]


Ticket = dict[str, Json]


@dataclass(frozen=True, kw_only=True)
class Job:
    """How a ticket becomes a delivery: `collect` looks every `poll_s` (None: not finished), for `limit_s` at most."""

    collect: Callable[[Ticket], Delivery | None]
    poll_s: float
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """`what` of whom ("maxstudio swap") for which item, the key it is stored under, the most it can cost, and how it is
    ordered: `ready` raises when the account can't be used; `order` gives the delivery or, where there is a `job`, its
    ticket."""

    what: str
    item: str
    key: str
    usd_max: float
    ready: Callable[[], None]
    order: Callable[[], Delivery | Ticket]
    job: Job | None = None


class Buyer:
    """Where the items of one run are bought. Once `stop` is set, what is being ordered is still written down, and
    nothing new is bought."""

    def __init__(self, store: ItemStore, spending: Spending, stop: threading.Event) -> None:
        self._store, self.spending, self.stop = store, spending, stop

    def buy(self, wanted: Purchase) -> Item:
        """The stored item, bought if nobody ever did; its `record` has `cost_usd` and `usage`.

        Raises:
            QuotaError: the budget does not allow it; nothing was sent.
            TransientError: `stopped`, or lost again and again; an open ticket is collected by the next run.
            ProviderError: as `order` and `collect` raise it.
        """
        if (found := self._store.get(wanted.key)) is not None:
            return found
        with self._store.alone(wanted.key):
            if (found := self._store.get(wanted.key)) is not None:
                return found
            return self._bought(wanted)

    def _bought(self, wanted: Purchase) -> Item:
        lost: TransientError | None = None
        for _ in range(ORDERS):
            try:
                purchase, delivery = self._delivery(wanted)
            except (InDoubtError, JobLostError) as error:
                lost = error
                continue
            record = {"what": wanted.what, "cost_usd": delivery.usd, "usage": delivery.usage}
            item = self._store.put(wanted.key, delivery.files, record)
            self.spending.pay(purchase, delivery.usd, delivery.usage)
            self._store.drop_ticket(wanted.key)
            return item
        assert lost is not None
        raise lost

    def _delivery(self, wanted: Purchase) -> tuple[str, Delivery]:
        held = self._store.ticket(wanted.key)
        if held is None:
            purchase, answer = self._order(wanted)
            if isinstance(answer, Delivery):
                return purchase, answer
            ticket = answer
            self._store.keep_ticket(wanted.key, {"purchase": purchase, "ticket": ticket})
        else:
            purchase, ticket = str(held["purchase"]), cast(Ticket, held["ticket"])
        try:
            return purchase, self._collected(wanted, ticket)
        except JobLostError as error:
            (self.spending.doubt if error.billed else self.spending.void)(purchase)
            self._store.drop_ticket(wanted.key)
            raise

    def _order(self, wanted: Purchase) -> tuple[str, Delivery | Ticket]:
        if self.stop.is_set():
            raise _stopped()
        wanted.ready()
        purchase = self.spending.reserve(wanted.what, wanted.item, wanted.key, wanted.usd_max)
        try:
            return purchase, wanted.order()
        except InDoubtError:
            self.spending.doubt(purchase)
            raise
        except LikenessError:
            self.spending.void(purchase)
            raise

    def _collected(self, wanted: Purchase, ticket: Ticket) -> Delivery:
        job = wanted.job
        assert job is not None, "an order that gives a ticket needs a job"
        deadline = time.monotonic() + job.limit_s
        while (delivery := job.collect(ticket)) is None:
            if time.monotonic() > deadline:
                raise JobLostError(
                    f"{wanted.what}: a job is not finished after {job.limit_s:g} s",
                    reason="job-unfinished",
                    remedy="run `dvc repro` again later, or raise the provider's job limit in conf/",
                )
            if self.stop.wait(job.poll_s):
                raise _stopped()
        return delivery


def _stopped() -> TransientError:
    return TransientError(
        "the run was stopped", reason="stopped", remedy="run `dvc repro` again: nothing is lost"
    )
