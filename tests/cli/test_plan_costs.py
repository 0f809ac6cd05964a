"""What a plan says of money, keys and time: what is bought already is not planned again, and no figure is invented."""

import json
from pathlib import Path

import pytest
from paid_pipeline import params, ran, run
from plans import CAPTION_USD, SWAPS, columns, planned, rows

from likeness.caption.grok import GrokCaptioner
from likeness.cli.plan import plan_command
from likeness.config import load_config
from likeness.enhance.maxstudio import MaxStudioEnhancer
from likeness.formatting import format_usd
from likeness.paths import RepositoryPaths
from likeness.store.items import ItemStore
from likeness.store.keys import item_key
from likeness.swap.maxstudio import MaxStudioSwapper
from likeness.train import pace


def test_a_budget_too_small_is_told_and_ends_with_1(mission, capsys):
    ran("ingest")
    params("budget.max_usd=3.9")
    plan, code = planned(capsys=capsys)
    assert (plan["exceeds_budget"], code) == (True, 1)
    plan_command([], as_json=False)
    said = capsys.readouterr().out
    assert "exceeds the budget" in said
    assert "budget.max_usd" in said
    params("budget.max_usd=null")
    assert planned(capsys=capsys)[1] == 0


def test_what_is_spent_leaves_less_for_the_plan(mission, capsys):
    ran("ingest", "swap")
    params("budget.max_usd=3.9")
    plan, code = planned(capsys=capsys)
    assert plan["spent_usd"] == pytest.approx(3.20)
    assert plan["usd"] == pytest.approx(32 * (0.02 + CAPTION_USD))
    assert code == 1
    params("budget.max_usd=4")
    assert planned(capsys=capsys)[1] == 0


def test_a_key_that_is_set_is_not_asked_for_and_none_is_shown(mission, capsys, monkeypatch):
    monkeypatch.setenv("XAI_API_KEY", "planted-key")
    ran("ingest")
    plan, _ = planned(capsys=capsys)
    assert plan["missing_keys"] == ["MAXSTUDIO_API_KEY"]
    assert "planted-key" not in json.dumps(plan)


def test_another_trigger_writes_captions_anew_and_buys_none_that_are_bought(mission, capsys, monkeypatch):
    ran("ingest", "swap", "resize", "enhance", "caption")
    params("personas.jade.trigger=ohwx")
    monkeypatch.setattr(GrokCaptioner, "purchase_key", lambda self, pixels: None)
    row = rows(planned(capsys=capsys)[0])["caption"]
    assert (row["to_do"], row["calls"], row["at_most"]) == (32, 32, True)
    monkeypatch.setattr(
        GrokCaptioner,
        "purchase_key",
        lambda self, pixels: item_key("captions", 1, {}, [pixels]),
        raising=False,
    )
    row = rows(planned(capsys=capsys)[0])["caption"]
    assert (row["to_do"], row["calls"], row["usd"], row["at_most"]) == (32, 0, 0.0, False)


def test_a_bought_enhancement_is_encoded_again_for_nothing(mission, capsys, monkeypatch):
    ran("ingest", "swap", "resize", "enhance")
    params("enhance.jpeg_quality=90")
    monkeypatch.setattr(
        MaxStudioEnhancer, "purchase_key", lambda self, pixels: item_key("enhancements", 1, {}, [pixels]),
        raising=False,
    )  # fmt: skip
    assert columns(planned(capsys=capsys)[0], "to_do", "calls", "at_most")["enhance"] == (32, 0, False)


def test_a_swap_that_was_ordered_or_bought_is_not_paid_again(mission, capsys, monkeypatch):
    def key(self, source, target, face):
        assert min(face.box_px[2:]) > 100
        return item_key("swaps", 1, {}, [source, target])

    monkeypatch.setattr(MaxStudioSwapper, "purchase_key", key, raising=False)
    ran("ingest", "swap")
    params("ingest.max_explicit=0.69")  # measured anew: other items, the same purchases
    plan, _ = planned(capsys=capsys)
    assert columns(plan, "to_do", "calls")["swap"] == (32, 0)
    assert columns(plan, "calls", "at_most")["enhance"] == (32, True)
    store = ItemStore(".cache/items")
    left = next(key for key in store.keys() if store.get(key).record.get("what") == "maxstudio swap")  # noqa: SIM118
    (store.root / "records" / left[:2] / f"{left[2:]}.json").unlink()
    assert columns(planned(capsys=capsys)[0], "calls")["swap"] == (1,)
    store.orders.keep(left, {"purchase": "p", "ticket": {"job": "j"}})
    assert columns(planned(capsys=capsys)[0], "calls")["swap"] == (0,)


def test_captions_by_hand_cost_nothing(mission, capsys):
    folder = Path("data/jade/captions_override")
    folder.mkdir()
    (folder / "jade-s1-t1.txt").write_text("jade, by hand")
    ran("ingest")
    assert rows(planned(capsys=capsys)[0])["caption"]["calls"] == 31
    run(mission, "swap", "resize", "enhance", "caption")
    assert planned(capsys=capsys)[0]["calls"] == 0


def test_the_time_of_local_stages_is_the_last_runs(mission, capsys):
    ran("ingest")
    assert rows(planned(capsys=capsys)[0])["resize"]["seconds"] is None
    run(mission, "swap", "resize")
    Path(".cache/ledger/resize@jade.json").write_text('{"seconds": 16}')
    params("resize.headroom=0.4")
    assert rows(planned(capsys=capsys)[0])["resize"]["seconds"] == pytest.approx(16)


def test_what_one_provider_took_is_no_measure_of_another(mission, capsys):
    cfg, ledger = params("enhance=lanczos"), Path(".cache/ledger")
    run(cfg, "ingest")
    ledger.joinpath("data-jade-enhanced.json").write_text('{"made": 8}')
    by = cfg.enhance.model_dump(mode="json")["provider"]
    ledger.joinpath("enhance@jade.json").write_text(json.dumps({"seconds": 16, "by": by}))
    assert rows(planned(capsys=capsys)[0])["enhance"]["seconds"] == pytest.approx(16 / 8 * SWAPS)
    params("enhance=lanczos", "enhance.provider.unsharp_percent=50")
    assert rows(planned(capsys=capsys)[0])["enhance"]["seconds"] is None


@pytest.mark.parametrize(
    ("overrides", "seconds"),
    [
        ([], 500),
        (["train.schedule.steps=4000"], 2000),
        (["train.optimizer.lr=1e-3", "train.seed=7"], 500),
        (["base=sdxl", "train=full"], None),
        (["train.data.side_px=512"], None),
        (["train.data.batch_size=1"], None),
        (["train.objective.preservation_weight=0"], None),
        (["train.system.device=cuda"], None),
        (["train.schedule.epochs=10"], None),
    ],
    ids=[
        "same",
        "more steps",
        "another rate",
        "SDXL",
        "larger",
        "fewer at a time",
        "none preserved",
        "a GPU",
        "epochs",
    ],
)
def test_the_time_of_training_is_one_that_was_measured(mission, capsys, monkeypatch, overrides, seconds):
    monkeypatch.setattr(pace, "GPUS", ())
    params("train.schedule.steps=1000")
    measured = pace.Pace(seconds_a_step=0.5, steps=900, device="a CPU with 2 threads")
    pace.remember(load_config(Path("params.yaml")), RepositoryPaths.here(), measured, "cpu")
    params("train.schedule.steps=1000", *overrides)
    train = planned(capsys=capsys)[0]["personas"]["jade"]["train"]
    assert train["seconds"] == seconds
    plan_command([], as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    if seconds is not None or overrides == ["train.schedule.epochs=10"]:
        assert "of sdxl (tiny) at 128 px, 2 x 2 images a step: 0.5 s a step, over 900 steps on a CPU" in said
    else:
        assert "the time of training is unknown: no run of sdxl (" in said


def test_stale_params_are_told(mission, capsys):
    ran("ingest")
    assert not planned(capsys=capsys)[0]["stale_params"]
    path = Path("conf/budget/default.yaml")
    path.write_text(path.read_text().replace("max_usd: 5.0", "max_usd: 6.0"))
    assert planned(capsys=capsys)[0]["stale_params"]


def test_small_sums_are_not_rounded_away():
    assert [format_usd(value) for value in (0.0, 0.1, 3.2, 0.003875, 0.124)] == [
        "$0.00",
        "$0.10",
        "$3.20",
        "$0.0039",
        "$0.12",
    ]
