"""A revocation that only the team's store knows is met by each command that shows, draws or copies; a store that cannot be asked
refuses, too."""

import datetime
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from typer.testing import CliRunner

from likeness.cli.app import COMMANDS, GROUPS, app
from likeness.cli.desk.state import Desk
from likeness.cloud.records import JobRecords
from likeness.digests import sha256_bytes
from likeness.errors import ConsentError, TransientError
from likeness.safety.consent.revocations import Revocation, revoke, share
from likeness.safety.consent.standing import standing_of
from likeness.store.items import ItemStore
from likeness.store.remote import SharedItems
from likeness.store.s3 import Remote

ROOT = Path(__file__).parents[2]
JADE = Revocation(id="jade-2026-11", persona="jade", kind="synthetic", date=datetime.date(2026, 1, 1))

ASKS = {
    "plan": "plan jade", "draw": "draw jade outdoors", "compare": "compare HEAD workspace", "publish": "publish jade",
    "diff": "diff HEAD --persona jade --html page.html", "launch": "launch jade --yes", "consent show": "consent show jade",
"photos list": "photos list jade", "photos refuse": "photos refuse jade a.jpg --why blurred",
    "photos accept": "photos accept jade a.jpg", "photos caption": "photos caption jade a.jpg words",
    "photos swap": "photos swap jade s1 t1", "versions accept": "versions accept jade", "comfy test": "comfy test jade",
    "comfy workflow": "comfy workflow jade", "cloud fetch": "cloud fetch likeness-jade-0",
}  # fmt: skip
TELLS = {
    **dict.fromkeys(("params", "spending", "summary", "verify", "detect", "inspect", "lineage", "versions list", "items list",
                     "items verify", "cloud status", "cloud logs", "cloud cost"), "words and figures, no picture"),
    **dict.fromkeys(("consent keygen", "consent allow", "keys team", "keys dev-ca"), "keys"),
    **dict.fromkeys(("consent revoke", "consent artefacts", "consent purge", "items prune", "cloud stop"), "ends or deletes"),
    **dict.fromkeys(("persona new", "consent new", "consent sign", "consent renew", "consent bind"), "makes the record"),
    "consent export": "its status says so (test_a_receipt_says_what_the_team_knows)",
    "desk": "its pages ask, each (test_a_page_of_the_desk_asks)",
    "items share": "leaves out what is hers (test_what_lies_unshared_stays_here)",
    "convert": "a file of any trainer, asked by its own words (test_weights_of_a_revoked_record_are_not_converted)",
}  # fmt: skip


def silent(remote: Remote, name: str) -> bytes | None:
    raise TransientError("no answer", reason="s3-no-answer", remedy="see to the network")


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """Jade's settings and record with a team's store, which is returned; the working directory."""
    for name in ("conf", "consent", "data/jade/raw"):
        shutil.copytree(ROOT / name, tmp_path / "clone" / name)
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    url = (tmp_path / "team").as_uri()
    said = yaml.safe_load((ROOT / "params.yaml").read_text())
    said["items"]["remote"] = url
    Path("params.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
    conf = Path("conf/items/local.yaml")
    conf.write_text(conf.read_text().replace("remote: null", f"remote: {url}"))
    return Remote(url)


def test_every_command_asks_or_says_why_not():
    every = {*COMMANDS, *(f"{group} {name}" for (group, _), places in GROUPS.items() for name in places)}
    assert every == {*ASKS, *TELLS}


@pytest.mark.parametrize("words", ASKS.values(), ids=ASKS)
def test_a_revocation_that_the_team_alone_knows_is_met(team, words):
    share(team, JADE)
    JobRecords(team, "likeness-jade-0").announce({"persona": "jade"})
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 1, done.output
    assert "was revoked on 2026-01-01" in done.output
    assert not Path("page.html").exists()


@pytest.mark.parametrize("words", ASKS.values(), ids=ASKS)
def test_a_store_that_cannot_be_asked_refuses(team, words, monkeypatch):
    JobRecords(team, "likeness-jade-0").announce({"persona": "jade"})
    monkeypatch.setattr(Remote, "read", silent)
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 1, done.output
    asks_first = not words.startswith("cloud fetch")  # the store alone tells whose job it is
    assert "jade: whether the consent was revoked could not be asked: no answer" * asks_first in done.output
    assert "no answer" in done.output
    assert not Path("page.html").exists()


def test_a_page_of_the_desk_asks(team):
    share(team, JADE)
    with pytest.raises(ConsentError, match="was revoked"):
        Desk(form_token="x").run_at("ingest", "jade")


def test_a_receipt_says_what_the_team_knows(team, monkeypatch):
    share(team, JADE)
    done = CliRunner().invoke(app, ["consent", "export", "jade"])
    assert "dpv:ConsentRevoked" in [one["@id"] for one in json.loads(done.stdout)["dpv:hasConsentStatus"]]
    monkeypatch.setattr(Remote, "read", silent)
    done = CliRunner().invoke(app, ["consent", "export", "jade"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "could not be asked" in done.stderr


def test_who_revoked_while_the_store_gave_no_answer_tells_it_with_the_next_command(team, monkeypatch):
    with monkeypatch.context() as offline:
        offline.setattr(Remote, "read", silent)
        done = CliRunner().invoke(app, ["consent", "revoke", "jade", "--yes"])
        assert "consent jade-2026-11 is revoked" in done.output
    assert team.names("revocations") == []
    assert CliRunner().invoke(app, ["plan", "jade"]).exit_code == 1
    assert "jade-2026-11.json" in "".join(team.names("revocations"))


# ---- what an earlier run left behind


def test_what_lies_unshared_stays_here(team, tmp_path, capsys):
    """It was made while the consent held, and nothing could be sent."""
    keys = {name: sha256_bytes(name.encode()) for name in ("jade", "mia", "nobody")}
    for name, key in keys.items():
        left = SharedItems(team.url, Path(".cache/items"))
        left.announce(key)
        ItemStore(".cache/items", persona=None if name == "nobody" else name).put(
            key, {"a.png": name.encode()}, {}
        )
    shared = ItemStore(".cache/items", SharedItems(team.url, Path(".cache/items")))
    share(team, JADE)
    shared.flush(standing_of(Path.cwd(), team))
    assert team.names("objects") == team.names("records") == []
    said = capsys.readouterr().err
    assert (
        "1 items are not shared with the team: jade: consent jade-2026-11 was revoked on 2026-01-01" in said
    )
    assert "1 items are not shared with the team: mia: there is no consent record" in said
    assert "1 items are not shared with the team: no run has said whose they are" in said


def test_what_lies_unshared_of_two_persons_is_sent_for_her_whose_consent_holds(team):
    key = sha256_bytes(b"both")
    for name in ("mia", "jade"):
        ItemStore(".cache/items", persona=name).put(key, {"a.png": b"both"}, {})
    store = ItemStore(".cache/items", SharedItems(team.url, Path(".cache/items")))
    store.get(key)
    assert store.share(standing_of(Path.cwd(), team)) == 1


def test_weights_of_a_revoked_record_are_not_converted(team):
    path = Path("elsewhere.safetensors")
    save_file({"lora_a": np.zeros(1, np.float32)}, path, {"likeness.consent_id": JADE.id})
    revoke(Path.cwd(), JADE)
    done = CliRunner().invoke(app, ["convert", str(path), "other.safetensors"])
    assert (done.exit_code, Path("other.safetensors").exists()) == (1, False)
    assert "the consent jade-2026-11 that it was trained under was revoked on 2026-01-01" in done.stderr
