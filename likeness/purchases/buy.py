"""Buying one item, once: looked for, reserved, ordered, waited for, stored, paid - in this order, so that a crash
at any moment neither loses what was paid for nor buys it again."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from likeness.digests import digests_of
from likeness.errors import (
    ConsentError,
    InDoubtError,
    InputError,
    JobLostError,
    LikenessError,
    TransientError,
)
from likeness.purchases.budget import Spending
from likeness.store.items import WITHHELD, Item, ItemStore, Json

ORDERS = 3
"""How often one item is ordered in one run when orders get lost, the first included."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a purchase brought: files by name, its real cost, and what the provider says it used."""

    files: dict[str, bytes]
    usd: float
    usage: dict[str, Json]


PendingOrder = dict[str, Json]
"""What a provider gives for an order that it delivers later."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """How a pending order becomes a delivery: `collect` looks every `poll_s` (None: not finished), for `limit_s` at most."""

    collect: Callable[[PendingOrder], Delivery | None]
    poll_s: float
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """`what` of whom ("maxstudio swap") for which item, the key it is stored under, the most it can cost, and how it is
    ordered: `ready` raises when the account can't be used; `order` gives the delivery or, where there is a `job`, what
    the job collects. `pictures` are the files of a delivery that the gates judge before it is kept; `judge` raises InputError
    where what else it holds is refused."""

    what: str
    item: str
    key: str
    usd_max: float
    ready: Callable[[], None]
    order: Callable[[], Delivery | PendingOrder]
    job: Job | None = None
    pictures: tuple[str, ...] = ()
    judge: Callable[[Mapping[str, bytes]], None] = lambda files: None


Judge = Callable[[bytes], None]
"""Raises InputError where a delivered picture is refused."""


@dataclass(eq=False)
class Buyer:
    """Where the items of one run are bought. Once `stop` is set, what is being ordered is still written down, and
    nothing new is bought. What `judge` refuses is paid for, not kept, and not bought again. Once the consent has ended
    (`permit` raises), nothing is bought, and what still arrives is paid for and not kept."""

    store: ItemStore
    spending: Spending
    stop: threading.Event
    judge: Judge = lambda picture: None
    permit: Callable[[], None] = lambda: None

    def buy(self, purchase: Purchase) -> Item:
        """The stored item, bought if nobody ever did; its `record` has `cost_usd` and `usage`.

        Raises:
            InputError: a gate refuses what was delivered, or refused it before.
            ConsentError: the consent has ended.
            QuotaError: the budget does not allow it; nothing was sent.
            TransientError: `stopped`, or lost again and again; a pending order is collected by the next run.
            ProviderError: as `order` and `collect` raise it.
        """
        if (item := self.store.get(purchase.key, inspect=purchase.judge)) is None:
            with self.store.orders.alone(purchase.key):
                item = self.store.get(purchase.key, inspect=purchase.judge) or self._buy(purchase)
        if (refusal := item.record.get("refusal")) is not None:
            raise InputError(
                f"{purchase.what}: {refusal['detail']}",
                reason=refusal["reason"],
                remedy=refusal["remedy"],
                kind="refused",
            )
        return item

    def _buy(self, purchase: Purchase) -> Item:
        for attempt in range(1, ORDERS + 1):
            try:
                number, delivery = self._delivery(purchase)
            except (InDoubtError, JobLostError):
                if attempt == ORDERS:
                    raise
            else:
                record = {"what": purchase.what, "cost_usd": delivery.usd, "usage": delivery.usage}
                try:
                    self.permit()
                except ConsentError:
                    self.spending.pay(number, delivery.usd, delivery.usage)
                    self.store.orders.drop(purchase.key)
                    raise
                files = delivery.files
                if refusal := self._refusal(purchase, files):
                    record |= {"refusal": refusal, WITHHELD: digests_of(files)}
                    files = {}
                item = self.store.put(purchase.key, files, record)
                self.spending.pay(number, delivery.usd, delivery.usage)
                self.store.orders.drop(purchase.key)
                return item
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, purchase: Purchase, files: Mapping[str, bytes]) -> dict[str, Json] | None:
        """What the gates say of a delivery; None where it passes."""
        try:
            for name in purchase.pictures:
                self.judge(files[name])
            purchase.judge(files)
        except InputError as error:
            return error.refusal
        return None

    def _delivery(self, purchase: Purchase) -> tuple[str, Delivery]:
        if (stored := self.store.orders.pending(purchase.key)) is None:
            number, reply = self._order(purchase)
            if isinstance(reply, Delivery):
                return number, reply
            pending = reply
            self.store.orders.keep(purchase.key, {"purchase": number, "ticket": pending})
        else:
            number, pending = str(stored["purchase"]), cast(PendingOrder, stored["ticket"])
        try:
            return number, self._collect(purchase, pending)
        except JobLostError as error:
            (self.spending.doubt if error.billed else self.spending.void)(number)
            self.store.orders.drop(purchase.key)
            raise

    def _order(self, purchase: Purchase) -> tuple[str, Delivery | PendingOrder]:
        if self.stop.is_set():
            raise _stopped()
        self.permit()
        purchase.ready()
        number = self.spending.reserve(purchase.what, purchase.item, purchase.key, purchase.usd_max)
        try:
            return number, purchase.order()
        except InDoubtError:
            self.spending.doubt(number)
            raise
        except LikenessError:
            self.spending.void(number)
            raise

    def _collect(self, purchase: Purchase, pending: PendingOrder) -> Delivery:
        job = purchase.job
        assert job is not None, "an order that is delivered later needs a job"
        deadline = time.monotonic() + job.limit_s
        while (delivery := job.collect(pending)) is None:
            if time.monotonic() > deadline:
                raise JobLostError(
                    f"{purchase.what}: a job is not finished after {job.limit_s:g} s",
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
