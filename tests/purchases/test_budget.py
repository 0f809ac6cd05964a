"""What may be spent and what was: the ledger counts every purchase once, also after crashes and beside others."""

import json
import multiprocessing
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.errors import ConfigError, QuotaError
from likeness.purchases.budget import BudgetConfig, Spending, entries
from likeness.purchases.prices import price_of


def spending(path, max_usd=None):
    return Spending(path, prices={}, budget=BudgetConfig(max_usd=max_usd), stage="swap", persona="jade")


def test_a_purchase_counts_with_its_most_until_it_is_paid(tmp_path):
    run = spending(tmp_path / "spending.jsonl")
    purchase = run.reserve("maxstudio swap", "jade-s1-t1", "k", 0.10)
    assert run.total_usd == pytest.approx(0.10)
    run.pay(purchase, 0.07, {"tokens": 3})
    assert (run.total_usd, run.spent_usd, run.purchases) == (pytest.approx(0.07), pytest.approx(0.07), 1)


def test_what_was_not_billed_counts_nothing_and_what_is_in_doubt_counts_in_full(tmp_path):
    run = spending(tmp_path / "spending.jsonl")
    run.void(run.reserve("swap", "a", "k", 0.10))
    run.doubt(run.reserve("swap", "b", "k", 0.10))
    assert run.total_usd == pytest.approx(0.10)
    assert (run.spent_usd, run.purchases, run.in_doubt) == (pytest.approx(0.10), 0, 1)
    assert spending(tmp_path / "spending.jsonl").total_usd == pytest.approx(0.10)


def test_the_budget_stops_before_the_purchase_that_could_exceed_it(tmp_path):
    run = spending(tmp_path / "spending.jsonl", max_usd=0.30)
    for _ in range(3):
        run.pay(run.reserve("swap", "a", "k", 0.10), 0.10, {})
    with pytest.raises(QuotaError) as caught:
        run.reserve("swap", "jade-s4-t1", "k", 0.10)
    assert caught.value.reason == "budget"
    assert "jade-s4-t1" in caught.value.message
    assert "budget.max_usd" in caught.value.remedy
    assert [line["state"] for line in entries((tmp_path / "spending.jsonl").read_bytes())].count("asked") == 3


def test_an_earlier_runs_spending_counts(tmp_path):
    first = spending(tmp_path / "spending.jsonl")
    first.pay(first.reserve("swap", "a", "k", 0.10), 0.10, {})
    second = spending(tmp_path / "spending.jsonl", max_usd=0.15)
    with pytest.raises(QuotaError):
        second.reserve("swap", "b", "k", 0.10)
    assert second.spent_usd == 0


def test_a_half_written_line_is_passed_over_and_the_next_one_stands_alone(tmp_path):
    path = tmp_path / "spending.jsonl"
    run = spending(path)
    run.pay(run.reserve("swap", "a", "k", 0.10), 0.10, {})
    path.write_bytes(path.read_bytes() + b'{"id": "x", "state": "as')
    later = spending(path)
    later.pay(later.reserve("swap", "b", "k", 0.10), 0.10, {})
    assert spending(path).total_usd == pytest.approx(0.20)


def _spend(path, times):
    run = spending(path, max_usd=1.0)
    for _ in range(times):
        try:
            run.pay(run.reserve("swap", "a", "k", 0.10), 0.10, {})
        except QuotaError:
            return


def test_processes_and_threads_together_never_exceed_the_budget(tmp_path):
    path = tmp_path / "spending.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_spend, args=(path, 8)) for _ in range(2)]
    threads = [threading.Thread(target=_spend, args=(path, 8)) for _ in range(2)]
    for worker in (*processes, *threads):
        worker.start()
    for worker in (*processes, *threads):
        worker.join()
    paid = [line for line in entries(path.read_bytes()) if line["state"] == "paid"]
    assert len(paid) == 10
    assert spending(path).total_usd == pytest.approx(1.0)


@given(
    st.lists(st.tuples(st.sampled_from(["paid", "void", "doubt", "crash"]), st.floats(0, 5), st.floats(0, 5)))
)
def test_any_history_read_again_gives_the_same_total(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("ledger") / "spending.jsonl"
    run, expected = spending(path), 0.0
    for end, most, real in history:
        purchase = run.reserve("swap", "a", "k", most)
        if end == "paid":
            run.pay(purchase, real, {})
        elif end == "void":
            run.void(purchase)
        elif end == "doubt":
            run.doubt(purchase)
        expected += {"paid": real, "void": 0.0, "doubt": most, "crash": most}[end]
    assert run.total_usd == pytest.approx(expected, abs=1e-6)
    assert spending(path).total_usd == pytest.approx(expected, abs=1e-6)


def test_every_line_says_when_who_what_and_which_item(tmp_path):
    run = spending(tmp_path / "spending.jsonl")
    run.pay(run.reserve("maxstudio swap", "jade-s1-t1", "abc", 0.10), 0.10, {"tokens": 7})
    asked, paid = map(json.loads, (tmp_path / "spending.jsonl").read_text().splitlines())
    assert asked["what"] == "maxstudio swap"
    assert (asked["item"], asked["key"], asked["stage"], asked["persona"]) == (
        "jade-s1-t1",
        "abc",
        "swap",
        "jade",
    )
    assert asked["time"].endswith("+00:00")
    assert paid["usage"] == {"tokens": 7}
    assert asked["id"] == paid["id"]


def test_nothing_has_a_price_that_nobody_wrote_down():
    with pytest.raises(ConfigError, match="no price for 'swap'"):
        price_of({"maxstudio": {}}, "maxstudio", "swap")
