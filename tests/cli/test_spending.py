"""The ledger as people and MLflow see it, and the care that bought items get."""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paid_pipeline import params, ran, run

import likeness.cluster
import stages.caption
import stages.enhance
import stages.ingest
from likeness import stage_program
from likeness.cli import items, spending
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.paths import RepositoryPaths
from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.history import budget_words, purchases, total_usd
from likeness.stage_program import run as run_stage
from likeness.store.items import ItemStore

LEDGER = Path(".cache/ledger/spending.jsonl")


def by_hand(stage: str = "swap", path: Path = LEDGER) -> Spending:
    return Spending(path, prices={}, budget=BudgetConfig(max_usd=None), stage=stage, persona="jade")


def told(capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    spending.spending_command(as_json=True)
    return json.loads(capsys.readouterr().out)


@given(
    st.lists(st.tuples(st.sampled_from(["paid", "void", "doubt", "crash"]), st.floats(0, 5), st.floats(0, 5)))
)
def test_the_total_is_the_one_that_the_budget_is_held_to(tmp_path_factory, history):
    path = tmp_path_factory.mktemp("ledger") / "spending.jsonl"
    run = by_hand(path=path)
    for end, most, real in history:
        purchase = run.reserve("maxstudio swap", "a", "k", most)
        {
            "paid": lambda p=purchase, usd=real: run.pay(p, usd, {}),
            "void": lambda p=purchase: run.void(p),
            "doubt": lambda p=purchase: run.doubt(p),
            "crash": lambda: None,
        }[end]()
    assert total_usd(purchases(path)) == pytest.approx(run.total_usd, abs=1e-6)
    assert len(purchases(path)) == len(history)


def test_a_row_a_day_stage_and_provider(mission, capsys):
    assert told(capsys) == {"rows": [], "spent_usd": 0.0, "max_usd": 5.0}
    ran("ingest", "swap", "resize", "enhance")
    doubtful = by_hand("caption")
    doubtful.doubt(doubtful.reserve("xai caption", "jade-s1-t1", sha256_bytes(b"1"), 0.004))
    key = sha256_bytes(b"2")
    awaited = doubtful.reserve("maxstudio swap", "jade-s1-t1", key, 0.10)
    ItemStore(".cache/items").orders.keep(key, {"purchase": awaited, "ticket": {"job": "j"}})
    doubtful.void(doubtful.reserve("xai caption", "jade-s1-t1", sha256_bytes(b"3"), 0.004))
    doubtful.pay(doubtful.reserve("maxstudio detect", "jade-s1-t1", sha256_bytes(b"4"), 0.0), 0.0, {})
    got = told(capsys)
    seen = {(row["stage"], row["provider"]): row for row in got["rows"]}
    fields = ("purchases", "awaited", "in_doubt")
    assert {place: tuple(row[name] for name in fields) for place, row in seen.items()} == {
        ("swap", "maxstudio"): (32, 0, 0), ("enhance", "maxstudio"): (32, 0, 0),
        ("caption", "xai"): (0, 0, 1), ("caption", "maxstudio"): (0, 1, 0),
    }  # fmt: skip
    assert got["spent_usd"] == pytest.approx(3.20 + 0.64 + 0.004 + 0.10)
    assert seen["swap", "maxstudio"]["usd"] == pytest.approx(3.20)
    spending.spending_command(as_json=False)
    assert "$3.94 of a budget of $5.00" in capsys.readouterr().out


def test_the_summary_tells_the_runs_cost_and_the_budget(mission, capsys):
    ran("ingest", "swap")
    spending.summary_command(as_json=False)
    said = capsys.readouterr().out
    assert "$3.20" in next(line for line in said.splitlines() if "swap" in line)
    assert "$3.20 of a budget of $5.00" in said
    run(mission, "swap")
    spending.summary_command(as_json=False)
    said = capsys.readouterr().out
    assert "$0.00" in next(line for line in said.splitlines() if "swap" in line)
    assert "$3.20 of a budget of $5.00" in said


def test_without_a_limit_the_sentence_says_so():
    assert "no budget" in budget_words(1.0, None)
    assert "$0.00 left" in budget_words(6.0, 5.0)


def test_prune_keeps_what_was_bought_and_forgets_orders_of_it(mission, capsys):
    ran("ingest", "swap")
    store = ItemStore(".cache/items")
    bought = [key for key in store.keys() if "what" in store.get(key).record]  # noqa: SIM118
    assert len(bought) == 32
    store.orders.keep(bought[0], {"purchase": "p", "ticket": {}})
    store.orders.keep(sha256_bytes(b"awaited"), {"purchase": "q", "ticket": {}})
    old = time.time() - 10 * items.DAY_S
    for record in (store.root / "records").glob("*/*.json"):
        os.utime(record, (old, old))
    items.prune_items(1)
    assert "1 delivered orders" in capsys.readouterr().out
    assert set(store.keys()) == set(bought)
    assert store.orders.pending(bought[0]) is None
    assert store.orders.pending(sha256_bytes(b"awaited")) is not None
    run(mission, "ingest", "swap")
    assert len(purchases(LEDGER)) == 32


def logged() -> list[dict[str, object]]:
    """MLflow's runs: name, metrics and parameters."""
    with sqlite3.connect("mlflow.db") as base:
        runs = base.execute("select run_uuid, name from runs order by start_time").fetchall()
        return [
            {
                "name": name,
                **dict(base.execute("select key, value from latest_metrics where run_uuid = ?", (uuid,))),
                "params": dict(base.execute("select key, value from params where run_uuid = ?", (uuid,))),
            }
            for uuid, name in runs
        ]


@pytest.mark.slow
def test_what_a_stage_bought_is_an_mlflow_run_planned_beside_actual(mission, monkeypatch):
    monkeypatch.setattr(stage_program, "supervise", lambda stage, persona, stop: None)
    monkeypatch.setenv("XAI_API_KEY", "planted-key")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(sys, "argv", ["stages", "jade"])
    ran("ingest", "swap", "resize", "enhance")
    assert not Path("mlflow.db").exists()
    run_stage("caption", stages.caption.main)
    (one,) = logged()
    assert one["name"] == "caption@jade"
    assert one["planned_usd"] == pytest.approx(32 * 0.003875)
    assert one["actual_usd"] == pytest.approx(32 * 0.0011)
    assert (one["purchases"], one["in_doubt"]) == (32, 0)
    assert one["params"]["caption.provider.model"] == "grok-4.20-0309-non-reasoning"
    assert "planted-key" not in json.dumps(one)
    run_stage("caption", stages.caption.main)
    params("enhance=lanczos")
    run_stage("enhance", stages.enhance.main)
    assert len(logged()) == 1


def test_a_run_that_fails_has_no_figures_of_the_run_before(mission, monkeypatch):
    """The summary would show the seconds of one run beside the items of another, and the plan divide them."""
    monkeypatch.setattr(sys, "argv", ["stages", "jade"])
    repository = RepositoryPaths.here()
    run_stage("ingest", stages.ingest.main)
    whole = spending.stages(repository, "jade")["ingest"]
    assert whole["seconds"] is not None

    def fails(current):
        raise InputError("in the midst of it")

    with pytest.raises(SystemExit):
        run_stage("ingest", fails)
    assert spending.stages(repository, "jade")["ingest"] == {"seconds": None}

    def refuses_too_many(current):
        stages.ingest.main(current)
        raise InputError("after its items were counted")

    with pytest.raises(SystemExit):
        run_stage("ingest", refuses_too_many)
    assert spending.stages(repository, "jade")["ingest"] == {
        **whole,
        "made": 0,
        "reused": ANY,
        "seconds": None,
    }


@pytest.mark.slow
def test_on_a_cluster_too_one_process_buys(mission, monkeypatch):
    monkeypatch.setattr(stage_program, "supervise", lambda stage, persona, stop: None)
    monkeypatch.setattr(likeness.cluster, "_ray", lambda: pytest.fail("it was spread"))
    monkeypatch.setenv("XAI_API_KEY", "planted-key")
    monkeypatch.setattr(sys, "argv", ["stages", "jade"])
    ran("ingest", "swap", "resize", "enhance")
    params("items.engine=ray")
    run_stage("caption", stages.caption.main)
    assert sum(one.stage == "caption" for one in purchases(LEDGER)) == 32
