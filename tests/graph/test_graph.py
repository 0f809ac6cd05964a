"""The whole graph on a clean clone: nothing is done twice, nothing is lost, everything comes out the same."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from signing import edit_and_sign

from likeness.digests import sha256_file
from likeness.pipeline.manifest import read_manifest
from likeness.pipeline.stage import STAGES
from tools.repository_clone import SHORT

pytestmark = pytest.mark.slow

ZIP, WEIGHTS = "models/jade/jade_lora_dataset.zip", "models/jade/jade-v1.safetensors"
ROOT = Path(__file__).parents[2]


def test_a_second_repro_does_nothing(clone):
    assert clone.repro() == ["check"]
    assert "Stage 'report@jade' didn't change, skipping" in clone.dvc("repro")


def test_another_learning_rate_trains_again_and_repeats_no_data_stage(clone):
    # Its steps are those of the demo: two batches, computed side by side.
    clone.params("train.optimizer.lr=3e-4", "train.schedule.gradient_accumulation=2")
    assert clone.repro("train@jade") == ["check", "train"]
    # The killed run below evaluates and reports what it trained: that these follow is known without doing it again.
    assert "modified:           models/jade/jade-v1.safetensors" in clone.dvc("status", "evaluate@jade")


def test_another_caption_setting_starts_at_the_captions(clone):
    before = clone.tree("data/jade/enhanced")
    clone.params("personas.jade.class_word=person")
    ran = clone.repro("dataset@jade")
    assert ran == ["check", "caption", "dataset"]
    assert clone.tree("data/jade/enhanced") == before


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_no_stage_writes_through_a_link_into_dvcs_cache(clone, kind):
    clone.dvc("config", "--local", "cache.type", kind)
    clone.dvc("checkout", "--relink")
    page = clone.folder / "models/jade/report/index.html"
    assert page.is_symlink() if kind == "symlink" else page.stat().st_nlink > 1
    clone.params("report.max_strips=3", "dataset.jpeg_quality=90")
    for stage in ("ingest", "swap", "resize", "enhance", "caption", "dataset", "report"):
        clone.run("python", "-m", f"stages.{stage}", "jade")
    cache = clone.folder / ".dvc/cache/files/md5"
    files = [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".dir"]
    assert len(files) > 50
    assert [
        path for path in files if hashlib.md5(path.read_bytes()).hexdigest() != path.parent.name + path.name
    ] == []


def test_every_line_of_a_run_is_a_stages_or_dvcs_own(first_run):
    said = first_run[1].splitlines()
    left_out = "  yaw-difference: jade-"  # an example of what swap leaves out
    own = (*(spec.name for spec in STAGES), "encode: ", "  data/jade/", "  models/jade/", left_out)
    dvc = (
        "Running stage '",
        "> python -m stages.",
        "Generating lock file",
        "Updating lock file",
        "Use `dvc push`",
        "To track the changes with git",
        "\tgit add",
        "To enable auto staging",
        "\tdvc config core.autostage",
    )
    assert [line for line in said if line and not line.startswith((*own, *dvc))] == []
    assert [line for line in said if "WARNING" in line or "Error" in line] == []


def test_conf_edited_without_composing_stops_at_the_check(clone):
    path = clone.folder / "conf" / "train" / "default.yaml"
    path.write_text(path.read_text().replace("seed: 42", "seed: 43"))
    said = clone.dvc("repro", check=False)
    assert "conf/ was edited" in said
    assert "make params" in said
    assert "Running stage 'ingest" not in said


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("revoked", "2026-01-01", "was revoked"),
        ("expires", "2026-11-22", "expired"),
        ("scope", ["train"], "not swap"),
    ],
)
def test_without_consent_in_force_nothing_runs_not_even_a_stage_by_hand(clone, field, value, words):
    dates = {"signed": "2026-01-01", "expires": "2026-01-02"} if field == "expires" else {}
    edit_and_sign(clone.folder / "consent", "jade", **({field: value} | dates))
    said = clone.dvc("repro", check=False)
    assert words in said.replace("generate, swap", "swap")
    assert "Running stage 'ingest" not in said
    by_hand = clone.run("python", "-m", "stages.swap", "jade", check=False)
    assert by_hand.returncode == 1
    assert words in by_hand.stderr


def test_killed_three_times_a_second_clone_ends_byte_identical(built, fresh):
    fresh.repro("ingest@jade")
    ingested = read_manifest(fresh.folder / "data/jade/ingested").entries
    # The light in each photo is measured before the first swap, an item each.
    before = fresh.records() + sum(not entry.held_out for entry in ingested)
    fresh.kill_during("swap", lambda: fresh.records() >= before + 5)
    survived = fresh.records() - before
    assert fresh.repro("swap@jade")[-1] == "swap"
    swapped, whole = fresh.ledger("data-jade-swapped"), built.ledger("data-jade-swapped")
    assert swapped["reused"] == survived >= 5
    assert swapped["made"] == whole["made"] - survived > 0

    fresh.repro("resize@jade")
    before = fresh.records()
    fresh.kill_during("enhance", lambda: fresh.records() >= before + 3)
    survived = fresh.records() - before
    fresh.repro("dataset@jade")
    enhanced, whole = fresh.ledger("data-jade-enhanced"), built.ledger("data-jade-enhanced")
    assert enhanced["reused"] == survived >= 3
    assert enhanced["made"] == whole["made"] - survived > 0
    assert fresh.sha256(ZIP) == built.sha256(ZIP)

    checkpoints = fresh.folder / ".cache" / "training"
    fresh.kill_during("train", lambda: any(checkpoints.rglob("*.safetensors")))
    fresh.repro()
    assert fresh.sha256(WEIGHTS) == built.sha256(WEIGHTS)
    for folder in ("data/jade", "models/jade"):
        assert fresh.tree(folder) == built.tree(folder)


def test_a_new_photo_computes_only_its_items(clone):
    shutil.copyfile(
        ROOT / "data/jade/raw/sources/jade_04.jpg", clone.folder / "data/jade/raw/sources/jade_04.jpg"
    )
    counts = {name: clone.ledger(name)["made"] for name in ("data-jade-swapped",)}
    clone.repro("dataset@jade")
    assert clone.ledger("data-jade-ingested")["made"] == 1
    new = [e for e in read_manifest(clone.folder / "data/jade/swapped").entries if e.source == "s6"]
    assert new
    for folder in ("data-jade-resized", "data-jade-enhanced", "data-jade-captions"):
        assert clone.ledger(folder)["made"] == len(new)
    assert clone.ledger("data-jade-swapped")["made"] < counts["data-jade-swapped"]


def test_other_pixels_under_the_same_name_are_a_new_photo(clone):
    path = clone.folder / "data/jade/raw/sources/jade_03.jpg"
    photos = yaml.safe_load((clone.folder / "consent/jade.yaml").read_text())["photos"]
    before = {entry.id: entry.sha256 for entry in read_manifest(clone.folder / "data/jade/swapped").entries}
    picture = Image.open(path)
    brighter = np.clip(np.asarray(picture).astype(np.int16) + 6, 0, 255).astype(np.uint8)
    Image.fromarray(brighter).save(path, quality=95)
    photos["jade_03.jpg"] = {"sha256": sha256_file(path)}
    edit_and_sign(clone.folder / "consent", "jade", photos=photos)
    clone.repro("dataset@jade")
    after = {entry.id: entry.sha256 for entry in read_manifest(clone.folder / "data/jade/swapped").entries}
    assert clone.ledger("data-jade-ingested")["made"] == 1
    assert {name: of for name, of in after.items() if "-s2" not in name} == {
        name: of for name, of in before.items() if "-s2" not in name
    }
    both = {
        name for name in before.keys() & after.keys() if "-s2" in name
    }  # the light decides on one pair anew
    assert both
    assert all(after[name] != before[name] for name in both)


@pytest.mark.long
def test_a_sweep_repeats_no_data_stage_and_shares_the_items(clone):
    said = clone.dvc("exp", "run", "-S", "train.optimizer.lr=3e-4", *[f for o in SHORT for f in ("-S", o)])
    ran = [line.split("'")[1].split("@")[0] for line in said.splitlines() if line.startswith("Running stage")]
    assert ran == ["check", "train", "evaluate", "report"]
    assert "evaluation/metrics.json" in clone.dvc("metrics", "show")


def test_a_hand_written_caption_wins_and_redoes_only_what_follows(clone):
    entry = read_manifest(clone.folder / "data/jade/captions").entries[0]
    (clone.folder / f"data/jade/captions_override/{entry.id}.txt").write_text("jade woman, a caption by hand")
    assert clone.repro("dataset@jade") == ["check", "caption", "dataset"]
    texts = {e.id: e.text for e in read_manifest(clone.folder / "data/jade/captions").entries}
    assert texts[entry.id] == "jade woman, a caption by hand"
    assert clone.ledger("data-jade-captions")["items"] == len(texts)
