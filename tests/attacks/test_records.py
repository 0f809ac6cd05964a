"""Attacks on records of consent: read elsewhere, against the clock, or ended while work is under way."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conf_sections import settings
from consent_clone import DAY, USES, Clock, allowed, by_hand, commit, end, the_line_taken_out
from records import RECORD

from likeness.config import Config, ItemsConfig
from likeness.errors import ConsentError
from likeness.marks.keys import development_key
from likeness.marks.registry import publication_of
from likeness.paths import RepositoryPaths
from likeness.persona import Persona
from likeness.publish.prepare import Prepared
from likeness.publish.send import send
from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.buy import Buyer, Delivery, Purchase
from likeness.run import Run
from likeness.safety.consent import in_force
from likeness.safety.consent.revocations import (
    CLOCK,
    Revocation,
    revoke,
    state_folder,
    today,
)
from likeness.store.items import ItemStore
from likeness.store.s3 import Remote
from likeness.train.native.checkpoint import RunFolder

ROOT = Path(__file__).parents[2]


# ---- where consent is read


def test_an_experiments_copy_of_the_record_is_not_read(repository, monkeypatch):
    copy = repository / ".dvc/tmp/exps/tmpabc"
    shutil.copytree(repository / "consent", copy / "consent")
    end(repository)
    monkeypatch.chdir(copy)
    assert RepositoryPaths.here().root == repository
    assert not allowed(RepositoryPaths.here().root)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    assert RepositoryPaths.here().consent == repository / "consent"


# ---- the clock


def test_the_root_of_another_clone_brings_no_record_of_before(repository, tmp_path, monkeypatch):
    """Its commits do not say what those of this clone say."""
    shutil.copytree(repository, tmp_path / "before")
    by_hand(repository)
    commit(repository)
    the_line_taken_out(repository)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "before"))
    assert RepositoryPaths.here().root == repository
    assert not allowed(RepositoryPaths.here().root)


def test_a_clock_that_was_set_back_is_refused(repository):
    assert today(repository) == DAY
    Clock.day = datetime.date(2028, 1, 1)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "consent-expired"
    Clock.day = DAY
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "clock"
    assert "delete" in caught.value.remedy
    (state_folder(repository) / CLOCK).unlink()
    in_force(repository, "mia", USES)


@pytest.mark.parametrize("text", ["", "nonsense", "2026-13-01", "9" * 5000])
def test_a_clock_whose_memory_was_spoilt_is_refused(repository, text):
    today(repository)
    (state_folder(repository) / CLOCK).write_text(text)
    Clock.day = datetime.date(2026, 6, 1)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "clock"


@pytest.mark.parametrize("what", ["a pipe", "a device"])
def test_a_clock_whose_memory_is_no_file_keeps_nobody_waiting(repository, what):
    path = state_folder(repository) / CLOCK
    path.unlink()
    os.mkfifo(path) if what == "a pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "clock"


@pytest.mark.parametrize("day", ["2020-01-01", "2026-11-28", "2099-01-01"])
def test_a_revocation_ends_at_once_whatever_day_it_names(repository, day):
    path = repository / "consent/mia.yaml"
    path.write_text(path.read_text() + f"revoked: {day}\n")
    assert not allowed(repository)
    the_line_taken_out(repository)
    assert not allowed(repository)


# ---- work under way


def test_nothing_is_bought_once_it_has_ended(repository, tmp_path):
    store = ItemStore(tmp_path / "items")
    spending = Spending(
        tmp_path / "spending.jsonl", prices={}, budget=BudgetConfig(max_usd=9), stage="swap", persona="mia"
    )
    buyer = Buyer(store, spending, threading.Event(), permit=lambda: in_force(repository, "mia", USES))
    ordered: list[str] = []

    def purchase(key: str, order) -> Purchase:
        return Purchase(
            what="maxstudio swap", item=key, key=key, usd_max=0.1, ready=lambda: None, order=order
        )

    def order() -> Delivery:
        ordered.append("one")
        end(repository)  # while the provider works
        return Delivery(files={"a.png": b"picture"}, usd=0.1, usage={})

    with pytest.raises(ConsentError):
        buyer.buy(purchase("a" * 64, order))
    assert ordered == ["one"]
    assert store.get("a" * 64) is None
    assert spending.spent_usd == pytest.approx(0.1)
    with pytest.raises(ConsentError):
        buyer.buy(purchase("b" * 64, order))
    assert ordered == ["one"]


def test_nothing_is_laid_out_once_it_has_ended(repository):
    config = Config.model_construct(items=settings(ItemsConfig, "items/local.yaml"))
    persona = settings(Persona, "persona/jade.yaml", name="mia")
    run = Run(stage="resize", config=config, persona=persona, repository=RepositoryPaths(repository))
    run.require("swap")
    end(repository)
    with pytest.raises(ConsentError):
        run.finish([])
    assert not run.folder.exists()


def test_nothing_is_published_once_it_has_ended(repository, tmp_path):
    files = {f"{number}.txt": tmp_path / f"{number}.txt" for number in range(3)}
    for path in files.values():
        path.write_text(path.name)
    key, remote = development_key(tmp_path / "keys"), Remote((tmp_path / "public").as_uri())
    publication = publication_of(tmp_path / "marks.jsonl", key, "mia", "mia-2026-01", "a" * 64)
    prepared = Prepared(files=files, of={}, publication=publication, key=key)
    end(repository)
    with pytest.raises(ConsentError):
        send(prepared, remote, permit=lambda: in_force(repository, "mia", USES))
    assert not [path for path in (tmp_path / "public").rglob("*") if path.is_file()]


def test_a_training_ends_at_its_next_checkpoint(repository, tmp_path):
    import torch

    folder = RunFolder(
        tmp_path / "run",
        key="a" * 64,
        kept=2,
        persona="mia",
        permit=lambda: in_force(repository, "mia", USES),
    )
    folder.save(10, {"lora.a": torch.zeros(1)})
    end(repository)
    with pytest.raises(ConsentError) as caught:
        folder.save(20, {"lora.a": torch.zeros(1)})
    assert caught.value.reason == "consent-revoked"
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == ["step-00000010.safetensors"]


def test_a_training_that_outlasts_the_term_ends_at_its_next_checkpoint(repository, tmp_path):
    import torch

    folder = RunFolder(
        tmp_path / "run", key="a" * 64, kept=2, permit=lambda: in_force(repository, "mia", USES)
    )
    Clock.day = datetime.date(2027, 12, 31)  # the last day counts
    folder.save(10, {"lora.a": torch.zeros(1)})
    Clock.day = datetime.date(2028, 1, 1)
    with pytest.raises(ConsentError) as caught:
        folder.save(20, {"lora.a": torch.zeros(1)})
    assert caught.value.reason == "consent-expired"


def test_no_stage_starts_by_hand(tmp_path):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    revoke(tmp_path, Revocation(id="jade-2026-11", persona="jade", date=DAY))
    env = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")} | {"PYTHONPATH": str(ROOT)}
    for stage in ("check", "swap"):
        words = [] if stage == "check" else ["jade"]
        done = subprocess.run([sys.executable, "-m", f"stages.{stage}", *words], cwd=tmp_path, env=env,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 1
        assert "was revoked on 2026-11-28" in done.stderr
    assert not (tmp_path / "data/jade/swapped").exists()


# ---- the receipt


def test_the_receipt_of_a_revoked_record_says_so(repository, capsys):
    from likeness.cli.consent import export

    export("mia")
    given = json.loads(capsys.readouterr().out)
    assert [one["@id"] for one in given["dpv:hasConsentStatus"]] == ["dpv:ConsentGiven"]
    end(repository)
    capsys.readouterr()
    export("mia")
    ended = json.loads(capsys.readouterr().out)
    assert [one["@id"] for one in ended["dpv:hasConsentStatus"]] == ["dpv:ConsentGiven", "dpv:ConsentRevoked"]
    assert ended["dct:hasVersion"] == given["dct:hasVersion"]
    assert RECORD["face"]["embedding"][:20] not in json.dumps(ended)


def test_the_receipt_names_the_signer_whose_key_it_is(repository, capsys):
    from likeness.cli.consent import export

    path = Path("consent/mia.yaml")
    path.write_text(path.read_text().replace("by: the tests", "by: Mia Example"))
    export("mia")
    assert json.loads(capsys.readouterr().out)["dct:publisher"] == "the tests"


def test_the_receipt_knows_what_a_colleague_committed(repository, capsys):
    from likeness.cli.consent import export

    by_hand(repository)
    commit(repository)
    the_line_taken_out(repository)
    export("mia")
    statuses = json.loads(capsys.readouterr().out)["dpv:hasConsentStatus"]
    assert "dpv:ConsentRevoked" in [one["@id"] for one in statuses]
