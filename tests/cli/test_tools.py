"""The programs beside the graph: check, items, summary and consent, as a person calls them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from typer.testing import CliRunner

from likeness.cli.app import app
from likeness.digests import sha256_bytes
from likeness.store.items import ItemStore

ROOT = Path(__file__).parents[2]


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


def likeness(*arguments):
    """The command in this process: a program of its own takes a second, most of it for imports."""
    return CliRunner().invoke(app, list(arguments), prog_name="likeness")


def edit(path, **changes):
    values = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(values | changes))


def test_check_passes_on_the_repository_and_writes_a_constant(repository):
    done = program("stages.check")
    assert done.returncode == 0, done.stderr
    assert json.loads((repository / "data/checked.json").read_text()) == {"checked": True}


def test_check_tells_every_consent_and_provider_problem_at_once(repository):
    edit(repository / "consent" / "jade.yaml", revoked="2026-01-01")
    params = yaml.safe_load((repository / "params.yaml").read_text())
    params["enhance"]["provider"]["scale"] = "twice"
    params["swap"]["provider"]["feather"] = "soft"
    (repository / "params.yaml").write_text(yaml.safe_dump(params))
    done = program("stages.check")
    assert done.returncode == 1
    for word in ("scale", "feather", "revoked"):
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not (repository / "data" / "checked.json").exists()


def test_check_refuses_stale_params(repository):
    with (repository / "conf" / "swap" / "local.yaml").open("a") as file:
        file.write("extra: 1\n")
    done = program("stages.check")
    assert done.returncode == 1
    assert "make params" in done.stderr


def test_a_stage_names_the_personas_when_called_wrongly(repository):
    done = program("stages.swap", "nobody")
    assert done.returncode == 1
    assert "python -m stages.swap jade" in done.stderr


def test_items_lists_verifies_and_prunes(repository):
    store = ItemStore(repository / ".cache" / "items")
    store.put(sha256_bytes(b"1"), {"picture": b"1234"}, {})
    store.put(sha256_bytes(b"2"), {}, {"refusal": {"reason": "blurred"}})
    store.put(sha256_bytes(b"3"), {"passed on": b"1234"}, {})
    listed = likeness("items", "list").stdout
    assert "1 refused: blurred" in listed  # and no other item is called refused
    assert "3 items, 4 bytes in " in listed  # the file of both lies there once
    assert likeness("items", "verify").exit_code == 0
    next((repository / ".cache" / "items" / "objects").glob("*/*")).write_bytes(b"12")
    assert likeness("items", "verify").exit_code == 1
    assert "2 damaged" in likeness("items", "list").stdout
    checkpoint = repository / ".cache" / "training" / "abc" / "step-4.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"lora")
    assert "removed 0 items" in likeness("items", "prune", "--unused-days", "1").stdout
    assert checkpoint.exists()
    assert "removed 3 items" in likeness("items", "prune", "--unused-days", "0").stdout
    assert not checkpoint.parent.exists()


def test_items_of_before_the_team_had_a_store_are_sent_to_it(repository, tmp_path):
    ItemStore(repository / ".cache" / "items", persona="jade").put(
        sha256_bytes(b"1"), {"picture": b"1234"}, {}
    )
    refused = likeness("items", "share")
    assert refused.exit_code == 1
    assert "items.remote is null" in refused.stderr
    team = f"file://{tmp_path}/team"
    assert likeness("params", f"items.remote={team}").exit_code == 0
    assert f"1 items sent to {team}" in likeness("items", "share").stdout
    assert len(list((tmp_path / "team" / "records").glob("*/*.json"))) == 1


def test_consent_shows_its_standing_and_lists_what_came_from_it(repository):
    (repository / "data" / "jade" / "swapped").mkdir(parents=True)
    (repository / "data" / "jade" / "swapped" / "jade-s1-t1-sfw-swapped.png").write_bytes(b"picture")
    assert "in force" in likeness("consent", "show", "jade").stdout
    (repository / "models" / "jade").mkdir(parents=True)
    (repository / "models" / "jade" / "README.md").write_bytes(b"card")
    edit(repository / "consent" / "jade.yaml", revoked="2026-01-01")
    shown = likeness("consent", "show", "jade")
    assert shown.exit_code == 1
    assert "revoked" in shown.stderr
    listed = likeness("consent", "artefacts", "jade").stdout
    assert f"{sha256_bytes(b'picture')}  data/jade/swapped/jade-s1-t1-sfw-swapped.png" in listed
    assert f"{sha256_bytes(b'card')}  models/jade/README.md" in listed


def test_summary_works_before_anything_has_run(repository):
    done = program("likeness", "summary")
    assert done.returncode == 0, done.stderr
    assert "jade" in done.stdout
