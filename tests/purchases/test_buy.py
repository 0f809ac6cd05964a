"""A buyer buys an item once: whatever is lost on the way, killed or done by two at a time."""

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from likeness.digests import sha256_bytes
from likeness.errors import (
    AuthError,
    InDoubtError,
    InputError,
    JobLostError,
    QuotaError,
    RejectedError,
    TransientError,
)
from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.buy import ORDERS, Buyer, Delivery, Job, Purchase
from likeness.store.items import ItemStore

KEY = sha256_bytes(b"a swap")
DONE = Delivery(files={"result": b"picture"}, usd=0.10, usage={"n": 1})


def buyer_at(folder: Path, max_usd: float | None = None) -> Buyer:
    budget = BudgetConfig(max_usd=max_usd)
    spending = Spending(folder / "spending.jsonl", prices={}, budget=budget, stage="swap", persona="jade")
    return Buyer(ItemStore(folder / "items"), spending, threading.Event())


def wanted(order, collect=None, key=KEY, ready=lambda: None, poll_s=0.001, limit_s=60.0) -> Purchase:
    job = None if collect is None else Job(collect=collect, poll_s=poll_s, limit_s=limit_s)
    return Purchase(
        what="maxstudio swap", item="jade-s1-t1", key=key, usd_max=0.10, ready=ready, order=order, job=job
    )


class Shop:
    """Counts orders; jobs are finished at the third look."""

    def __init__(self) -> None:
        self.orders = 0
        self.looks = 0

    def order(self):
        self.orders += 1
        return {"job": f"j{self.orders}"}

    def collect(self, pending):
        self.looks += 1
        return DONE if self.looks >= 3 else None


def test_an_item_is_bought_once_and_then_found(tmp_path):
    shop, buyer = Shop(), buyer_at(tmp_path)
    first = buyer.buy(wanted(shop.order, shop.collect))
    again = buyer_at(tmp_path).buy(wanted(shop.order, shop.collect))
    assert shop.orders == 1
    assert first.files["result"].path.read_bytes() == again.files["result"].path.read_bytes() == b"picture"
    assert first.record == {"what": "maxstudio swap", "cost_usd": 0.10, "usage": {"n": 1}}
    assert buyer.spending.total_usd == pytest.approx(0.10)


def test_what_is_in_the_store_needs_no_account(tmp_path):
    shop = Shop()
    buyer_at(tmp_path).buy(wanted(shop.order, shop.collect))

    def no_key():
        raise AuthError("no key")

    buyer_at(tmp_path, max_usd=0).buy(wanted(shop.order, shop.collect, ready=no_key))


def test_a_run_that_ends_while_a_job_runs_is_resumed_and_not_bought_again(tmp_path):
    shop = Shop()

    def interrupted(pending):
        raise TransientError("the network is gone")

    with pytest.raises(TransientError):
        buyer_at(tmp_path).buy(wanted(shop.order, interrupted))
    seen = []
    buyer_at(tmp_path).buy(wanted(shop.order, lambda pending: seen.append(pending) or DONE))
    assert shop.orders == 1
    assert seen == [{"job": "j1"}]
    assert not list((tmp_path / "items/tickets").glob("*.json"))


@pytest.mark.parametrize("reason", ["job-failed", "job-vanished"])
def test_a_lost_job_is_ordered_again_a_few_times_and_counted_each_time(tmp_path, reason):
    shop, buyer = Shop(), buyer_at(tmp_path)

    def lost(pending):
        if pending == {"job": "j1"}:
            raise JobLostError("gone", reason=reason)
        return DONE

    buyer.buy(wanted(shop.order, lost))
    assert shop.orders == 2
    assert buyer.spending.total_usd == pytest.approx(0.20)
    assert buyer.spending.in_doubt == 1


def test_a_job_that_always_gets_lost_ends_with_its_reason(tmp_path):
    shop, buyer = Shop(), buyer_at(tmp_path)

    def lost(pending):
        raise JobLostError("failed: no face", reason="job-failed", billed=False)

    with pytest.raises(JobLostError, match="no face"):
        buyer.buy(wanted(shop.order, lost))
    assert shop.orders == ORDERS
    assert buyer.spending.total_usd == 0


def test_a_job_that_never_ends_is_given_up_after_its_limit(tmp_path):
    shop = Shop()
    with pytest.raises(JobLostError) as caught:
        buyer_at(tmp_path).buy(wanted(shop.order, lambda pending: None, limit_s=0.02))
    assert caught.value.reason == "job-unfinished"
    assert shop.orders == ORDERS


def test_an_order_in_doubt_counts_and_is_made_again(tmp_path):
    answers = [InDoubtError("cut off"), DONE]

    def order():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    buyer = buyer_at(tmp_path)
    buyer.buy(wanted(order))
    assert buyer.spending.total_usd == pytest.approx(0.20)


@pytest.mark.parametrize("error", [RejectedError("too big"), InputError("no face"), AuthError("wrong key")])
def test_a_refused_order_costs_nothing(tmp_path, error):
    def order():
        raise error

    buyer = buyer_at(tmp_path)
    with pytest.raises(type(error)):
        buyer.buy(wanted(order))
    assert buyer.spending.total_usd == 0


def test_over_the_budget_nothing_is_sent(tmp_path):
    shop = Shop()
    with pytest.raises(QuotaError):
        buyer_at(tmp_path, max_usd=0.05).buy(wanted(shop.order, shop.collect))
    assert shop.orders == 0


def test_two_threads_that_want_the_same_item_buy_one(tmp_path):
    orders, together = [], threading.Barrier(4, timeout=60)

    def order():
        orders.append(1)
        return DONE

    def buy():
        together.wait()
        buyer_at(tmp_path).buy(wanted(order))

    threads = [threading.Thread(target=buy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(orders) == 1
    assert not list((tmp_path / "items/tickets").iterdir())


def test_a_stopped_run_orders_nothing_more_and_keeps_its_pending_orders(tmp_path):
    shop, buyer = Shop(), buyer_at(tmp_path)

    def stop(pending):
        buyer.stop.set()

    with pytest.raises(TransientError) as caught:
        buyer.buy(wanted(shop.order, stop, poll_s=60))
    assert caught.value.reason == "stopped"
    with pytest.raises(TransientError):
        buyer.buy(wanted(shop.order, shop.collect, key=sha256_bytes(b"other")))
    assert shop.orders == 1
    assert ItemStore(tmp_path / "items").orders.pending(KEY)["ticket"] == {"job": "j1"}


def _buy_slowly(folder: Path) -> None:
    """Orders at a shop that writes each order down, as a provider's bill would."""

    def order():
        with (folder / "bill").open("a") as bill:
            bill.write("x")
        return {"job": "1"}

    def collect(pending):
        (folder / "waiting").touch()
        return DONE if (folder / "finished").exists() else None

    buyer_at(folder).buy(wanted(order, collect, limit_s=60))


def test_kill_9_while_a_job_runs_neither_loses_nor_repeats_it(tmp_path):
    context = multiprocessing.get_context("spawn")
    first = context.Process(target=_buy_slowly, args=(tmp_path,))
    first.start()
    while not (tmp_path / "waiting").exists():
        assert first.is_alive()
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    (tmp_path / "finished").touch()
    _buy_slowly(tmp_path)
    assert (tmp_path / "bill").read_text() == "x"
    assert buyer_at(tmp_path).spending.total_usd == pytest.approx(0.10)
