"""The plan says what a run will do before it runs: exactly where it can know it, and never too little."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ingest_fakes import png
from paid_pipeline import params, put, ran, run
from plans import CAPTION_USD, SWAPS, columns, planned, rows

from likeness.cli.plan import plan_command
from likeness.pipeline.stage import BY_NAME
from likeness.purchases.budget import entries


def tree(folder: str) -> dict[str, float]:
    return {str(path): path.stat().st_mtime_ns for path in Path(folder).rglob("*") if path.is_file()}


def test_the_missions_own_example(mission, capsys):
    ran("ingest")
    plan, code = planned(capsys=capsys)
    assert SWAPS == 32
    assert columns(plan, "items", "reused", "to_do", "calls") == {
        "ingest": (12, 12, 0, 0),
        "swap": (32, 0, 32, 32),
        "resize": (32, 0, 32, 0),
        "enhance": (32, 0, 32, 32),
        "caption": (32, 0, 32, 32),
    }
    usd = {stage: row["usd"] for stage, row in rows(plan).items()}
    assert usd["swap"] == pytest.approx(3.20)
    assert usd["enhance"] == pytest.approx(0.64)
    assert usd["caption"] == pytest.approx(32 * CAPTION_USD)
    assert plan["usd"] == pytest.approx(3.964)
    # 8 in flight: four rounds of 3, 18 and 4 seconds.
    assert [rows(plan)[stage]["seconds"] for stage in ("swap", "enhance", "caption")] == [12, 72, 16]
    assert (code, plan["exceeds_budget"], plan["max_usd"], plan["spent_usd"]) == (0, False, 5.0, 0.0)
    assert plan["missing_keys"] == ["MAXSTUDIO_API_KEY", "XAI_API_KEY"]
    assert plan["personas"]["jade"]["exact"]
    assert json.loads(Path(".cache/ledger/plan.json").read_text()) == plan


def test_a_plan_is_told_from_a_disk_that_takes_nothing(mission, capsys, monkeypatch):
    def refuse(*where, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("likeness.disk.os.fsync", refuse)
    assert plan_command([], as_json=False) == 0
    told = capsys.readouterr()
    assert "jade: the plan" in told.out
    assert "not written: " in told.err
    assert "plan.json: read-only file system" in told.err


def test_once_everything_is_in_the_store_there_is_nothing_to_do_and_to_pay(mission, capsys):
    ran("ingest", "swap", "resize", "enhance", "caption")
    plan, code = planned(capsys=capsys)
    assert {stage: row["to_do"] for stage, row in rows(plan).items()} == dict.fromkeys(rows(plan), 0)
    assert (plan["calls"], plan["usd"], plan["missing_keys"], code) == (0, 0.0, [], 0)
    assert not any(row["at_most"] for row in rows(plan).values())
    assert plan["spent_usd"] == pytest.approx(3.20 + 0.64 + 32 * 0.0011)
    plan_command([], as_json=False)
    said = capsys.readouterr().out
    assert "Nothing to do" in said
    assert "$3.88 of a budget of $5.00" in said


def test_where_dvc_runs_nothing_an_empty_item_store_is_nothing_to_do(mission, capsys, monkeypatch):
    """A clone after `dvc pull`: results and dvc.lock are there, and no item."""
    names = ("ingest", "swap", "resize", "enhance", "caption")
    ran(*names)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(Path("site").absolute()))
    stages = {}
    for name, before in zip(names, ("raw", "ingested", "swapped", "resized", "enhanced"), strict=True):
        out = f"data/${{item}}/{BY_NAME[name].manifest}"
        do = {
            "cmd": "false",
            "deps": [f"data/${{item}}/{before}", "data/checked.json"],
            "params": [name],
            "outs": [out],
        }
        stages[name] = {"foreach": ["jade"], "do": do}
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}))
    Path("data/checked.json").write_text("{}")
    for command in (["init", "--no-scm", "-q"], ["commit", "-f", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *command], check=True)
    shutil.rmtree(".cache/items")
    Path("data/checked.json").unlink()  # check makes it anew, and it is the same
    plan, code = planned(capsys=capsys)
    assert columns(plan, "items", "to_do", "calls") == {
        "ingest": (12, 0, 0),
        **dict.fromkeys(names[1:], (32, 0, 0)),
    }
    assert (plan["calls"], plan["usd"], plan["missing_keys"], code) == (0, 0.0, [], 0)
    plan_command([], as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "Nothing to do from ingest to caption: DVC runs none of these stages of jade. $0." in said
    assert (
        "item store lacks some of their items: once such a stage has to run, these are made and bought anew"
        in said
    )
    assert "upper bounds" not in said
    params("enhance.jpeg_quality=90")  # DVC runs enhance then, and what follows
    plan, _ = planned(capsys=capsys)
    assert plan["personas"]["jade"]["unchanged"] == ["ingest", "swap", "resize"]
    assert columns(plan, "to_do", "calls")["resize"] == (0, 0)
    assert columns(plan, "to_do", "calls")["enhance"] == (32, 32)
    Path("dvc.yaml").write_text("stages: [")  # who cannot ask DVC plans as without it
    assert columns(planned(capsys=capsys)[0], "to_do")["swap"] == (32,)


def test_what_was_planned_is_what_is_bought(mission, capsys):
    ran("ingest")
    plan, _ = planned(capsys=capsys)
    run(mission, "swap", "resize", "enhance", "caption")
    asked = [
        line
        for line in entries(Path(".cache/ledger/spending.jsonl").read_bytes())
        if line["state"] == "asked"
    ]
    for stage, row in rows(plan).items():
        bought = [line["usd"] for line in asked if line["stage"] == stage]
        assert (len(bought), sum(bought)) == (row["calls"], pytest.approx(row["usd"]))


def test_nothing_is_made_and_nothing_is_touched(mission, capsys):
    ran("ingest", "swap")
    before = {folder: tree(folder) for folder in ("data", ".cache/items")}
    planned(capsys=capsys)
    assert {folder: tree(folder) for folder in before} == before


def test_without_ingest_the_numbers_of_files_bound_it(mission, capsys):
    plan, _ = planned(capsys=capsys)
    assert not plan["personas"]["jade"]["exact"]
    assert columns(plan, "items", "reused", "to_do")["ingest"] == (12, 0, 12)
    assert columns(plan, "items", "calls", "at_most")["swap"] == (32, 32, True)
    assert plan["usd"] == pytest.approx(3.964)
    plan_command([], as_json=False)
    said = capsys.readouterr().out
    assert "at most" in said
    assert "ingest@jade" in said


@pytest.mark.parametrize(
    ("override", "swaps", "images"),
    [
        ("swap.include_sources=true", 32, 36),
        ("personas.jade.held_out=[jade_3.png]", 24, 24),
        ("swap.pairs=best", 32, 32),
    ],
)
def test_the_bound_follows_the_settings_and_is_met(mission, capsys, override, swaps, images):
    cfg = params(override)
    before, _ = planned(capsys=capsys)
    run(cfg, "ingest")
    after, _ = planned(capsys=capsys)
    for plan in (before, after):
        assert (rows(plan)["swap"]["items"], rows(plan)["swap"]["calls"]) == (images, swaps)
        assert rows(plan)["enhance"]["calls"] == images


def test_what_fills_twice_its_training_size_is_not_planned_to_be_bought(mission, capsys):
    cfg = params("resize.side_px=128")
    run(cfg, "ingest", "swap", "resize")
    plan, _ = planned(capsys=capsys)
    enhance = rows(plan)["enhance"]
    assert (enhance["to_do"], enhance["calls"], enhance["usd"], enhance["at_most"]) == (32, 0, 0, False)


def test_best_pairs_are_bounded_by_the_sources_a_target(mission, capsys):
    cfg = params("swap.pairs=best", "swap.sources_per_target=2")
    assert rows(planned(capsys=capsys)[0])["swap"]["calls"] == 16
    run(cfg, "ingest")
    assert rows(planned(capsys=capsys)[0])["swap"]["calls"] == 16


def test_a_photo_more_costs_its_own_pairs_once_ingest_has_seen_it(mission, capsys):
    ran("ingest", "swap", "resize", "enhance", "caption")
    put("sources/jade_9.png", png(seed=40))
    plan, _ = planned(capsys=capsys)
    assert not plan["personas"]["jade"]["exact"]
    assert plan["usd"] >= 8 * (0.10 + 0.02 + CAPTION_USD)
    run(mission, "ingest")
    plan, _ = planned(capsys=capsys)
    assert columns(plan, "items", "reused", "to_do", "calls")["swap"] == (40, 32, 8, 8)
    assert columns(plan, "to_do", "calls")["caption"] == (8, 8)
    assert plan["usd"] == pytest.approx(8 * (0.10 + 0.02 + CAPTION_USD))


def test_own_photographs_are_known_before_they_are_laid_out(mission, capsys):
    ran("ingest", "swap", "resize", "enhance", "caption")
    cfg = params("swap.include_sources=true")
    plan, _ = planned(capsys=capsys)
    assert columns(plan, "to_do", "calls")["swap"] == (4, 0)
    assert not rows(plan)["resize"]["at_most"]
    run(cfg, "swap", "resize", "enhance", "caption")
    assert planned(capsys=capsys)[0]["calls"] == 0


def test_what_is_refused_goes_no_further(mission, capsys):
    ran("ingest", "swap")
    params("personas.jade.similarity.swap_min=0.999", "swap.max_failure_ratio=1")
    plan, _ = planned(capsys=capsys)
    assert columns(plan, "items", "to_do")["swap"] == (32, 0)
    assert columns(plan, "items", "to_do")["enhance"] == (0, 0)
    plan_command([], as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "WARNING: jade: no image is left for resize" in said
    assert "the item store has everything" not in said
