"""A team's store and a folder of checkpoints that somebody else can write to: forged, changed, malformed, moved."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conf_sections import settings
from doors import seen
from persona_folders import Folders
from runs import run_of

from likeness.config import Config
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, InputError
from likeness.images import encode_png
from likeness.persona import Persona
from likeness.pipeline.batch import Made, Work, run_one
from likeness.run import Run
from likeness.store.items import WITHHELD, ItemStore
from likeness.store.keys import item_key
from likeness.store.record import object_name, record_name
from likeness.store.remote import SharedItems
from likeness.team_keys import MEMBERS, TeamKeys

KEY = item_key("test", 1, {}, ["0" * 64])
DATA = b"a finished picture"
PICTURE = encode_png(np.zeros((8, 8, 3), np.uint8))


def machine(tmp_path: Path, name: str, monkeypatch) -> tuple[ItemStore, SharedItems]:
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / f"home-{name}"))
    shared = SharedItems((tmp_path / "bucket").as_uri(), tmp_path / name)
    return ItemStore(tmp_path / name, shared), shared


@pytest.fixture
def shared_item(tmp_path, monkeypatch) -> Path:
    """An item that Ann's machine shared; returns its record in the bucket."""
    store, shared = machine(tmp_path, "ann", monkeypatch)
    store.put(KEY, {"image.png": DATA}, {"explicit": 0.1})
    shared.flush(lambda persona: None)
    return tmp_path / "bucket" / record_name(KEY)


def allow(tmp_path: Path, member: str, at: str) -> None:
    key = TeamKeys("x", tmp_path / f"home-{member}").public
    TeamKeys("x", tmp_path / f"home-{at}").allow(key, member)


def test_a_members_record_is_taken(tmp_path, shared_item, monkeypatch):
    allow(tmp_path, "ann", "ben")
    item = machine(tmp_path, "ben", monkeypatch)[0].get(KEY)
    assert item is not None
    assert item.files["image.png"].path.read_bytes() == DATA


@pytest.mark.parametrize("folder", [".", ".dvc/tmp/exps/run"], ids=["the repository", "an experiment of it"])
def test_members_that_a_commit_or_an_experiment_carries_are_none(tmp_path, monkeypatch, folder):
    """`LIKENESS_HOME=keys` means a folder of the repository, and whoever writes a commit writes there."""
    (tmp_path / "params.yaml").touch()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setenv("LIKENESS_HOME", "keys")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    stranger = TeamKeys("x", tmp_path / "stranger").public
    TeamKeys("x").allow(stranger, "a stranger")
    with pytest.raises(ConfigError) as caught:
        _ = TeamKeys("x").members
    assert caught.value.reason == "keys-in-repository"


@pytest.mark.parametrize(
    "left", ["", "# {key} ann\n", "{other} ann\n"], ids=["taken out", "a remark", "another key"]
)
def test_the_records_of_a_member_who_left_are_not_taken(tmp_path, shared_item, monkeypatch, left):
    allow(tmp_path, "ann", "ben")
    key, other = (TeamKeys("x", tmp_path / f"home-{name}").public for name in ("ann", "eve"))
    (tmp_path / "home-ben" / MEMBERS).write_text(left.format(key=key, other=other))
    assert machine(tmp_path, "ben", monkeypatch)[0].get(KEY) is None


# What a gate refuses, and what already lies there (records of earlier versions).


def bucket_reads(shared: SharedItems, monkeypatch) -> list[str]:
    """The names that are read from the bucket from now on."""
    names, read = [], shared._remote.read
    monkeypatch.setattr(shared._remote, "read", lambda name: names.append(name) or read(name))
    return names


def test_what_the_record_says_is_refused_is_not_fetched(tmp_path, shared_item, monkeypatch):
    allow(tmp_path, "ann", "ben")
    store, shared = machine(tmp_path, "ben", monkeypatch)
    names = bucket_reads(shared, monkeypatch)

    def judge(record):
        if record["explicit"] > 0.05:
            raise InputError("no", reason="explicit", kind="refused")

    work = Work(id="x", key=KEY, make=lambda: pytest.fail("it was made"), judge=judge)
    outcome = run_one(work, store)
    assert outcome.failure.reason == "explicit"
    assert names == [record_name(KEY)]
    assert not list((tmp_path / "ben").glob("objects/??/*"))
    item = store.get(KEY)
    assert (item.files, item.record[WITHHELD]) == ({}, {"image.png": sha256_bytes(DATA)})


def test_what_a_picture_shows_is_measured_on_arrival_and_not_kept(tmp_path, shared_item, monkeypatch):
    """The record says .1 of it; here it is seen to be explicit."""
    allow(tmp_path, "ann", "ben")
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home-ben"))

    def inspect(files):
        raise InputError("rated 0.99", reason="explicit", kind="refused")

    store = ItemStore(
        tmp_path / "ben", SharedItems((tmp_path / "bucket").as_uri(), tmp_path / "ben"), inspect=inspect
    )
    outcome = run_one(Work(id="x", key=KEY, make=lambda: pytest.fail("it was made")), store)
    assert outcome.failure.reason == "explicit"
    assert not list((tmp_path / "ben").glob("objects/??/*"))


@pytest.mark.parametrize(
    ("shows", "reason"),
    [({"explicit": 0.9, "faces": []}, "explicit"), (seen(age_years=8.0), "apparent-child"),
     ({"explicit": None, "faces": []}, "not-rated")],
    ids=["explicit", "a child", "not rated"],
)  # fmt: skip
def test_a_run_inspects_what_arrives(in_tmp, shows, reason):
    run = receiving(in_tmp, shows)
    with pytest.raises(InputError) as caught:
        run._inspect_arrival({"image.png": PICTURE})
    assert caught.value.reason == reason
    run._inspect_arrival({"a.safetensors": b"weights", "caption.txt": b"a woman"})  # no pictures


def test_what_arrives_is_held_to_the_floor_and_not_to_this_repositorys_limit(in_tmp):
    """A stricter limit is asked where the picture is used; another repository of the team may have its own."""
    receiving(in_tmp, {"explicit": 0.3, "faces": []})._inspect_arrival({"image.png": PICTURE})


def receiving(folder: Path, shows: dict) -> Run:
    """A run with a strict limit of its own, which sees this in every picture."""
    Folders(folder).everything((("s1", "t1"),))
    strict = Config.model_construct(ingest=SimpleNamespace(max_explicit=0.2))
    run = run_of("swap", strict, settings(Persona, "persona/jade.yaml"))
    vars(run)["gate"] = SimpleNamespace(measure=lambda rgb: shows)
    return run


def test_a_strangers_record_is_not_taken_and_told(tmp_path, shared_item, monkeypatch, capsys):
    assert machine(tmp_path, "ben", monkeypatch)[0].get(KEY) is None
    assert "likeness keys team --allow" in capsys.readouterr().err


def changed(record: dict) -> dict[str, object]:
    """What a hand that can write to the bucket puts in a record's place."""
    return {
        "unsigned": {name: value for name, value in record.items() if name != "signature"},
        "another score": record | {"record": {"explicit": 0.0}},
        "another file": record | {"files": {"image.png": sha256_bytes(b"another")}},
        "another file name": record | {"files": {"../../evil.png": record["files"]["image.png"]}},
        "a column more": record | {"record": record["record"] | {"rating": "sfw"}},
        "made of something else": record | {"made_of": {"operation": "x"}},
        "a signature of nothing": record | {"signature": {"key": record["signature"]["key"], "value": ""}},
        "a stranger's key": record | {"signature": record["signature"] | {"key": "A" * 43 + "="}},
        "a signature that is a list": record | {"signature": [1]},
        "a signature of numbers": record | {"signature": {"key": 1, "value": 2}},
        "a list": [record],
        "null": None,
        "files that are none": record | {"files": 3},
        "a path for a digest": record | {"files": {"image.png": "../../../etc/passwd"}},
    }


@pytest.mark.parametrize("attack", [
    "unsigned", "another score", "another file", "another file name", "a column more", "made of something else",
    "a signature of nothing",
    "a stranger's key", "a signature that is a list", "a signature of numbers", "a list",
    "null", "files that are none", "a path for a digest",
])  # fmt: skip
def test_a_changed_record_is_not_taken_and_the_item_is_made_here(tmp_path, shared_item, monkeypatch, attack):
    allow(tmp_path, "ann", "ben")
    record = json.loads(shared_item.read_bytes())
    shared_item.write_text(json.dumps(changed(record)[attack]))
    store, _ = machine(tmp_path, "ben", monkeypatch)
    work = Work(
        id="x", key=KEY, make=lambda: Made(files={"image.png": b"made here"}, record={"explicit": 0.2})
    )
    outcome = run_one(work, store)
    assert outcome.item.files["image.png"].path.read_bytes() == b"made here"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe", b"{", b"[" * 200_000, b'{"files": {}, "record": {"a": NaN', b"1e9999"],
    ids=repr,
)
def test_a_malformed_record_is_one_item_made_here(tmp_path, shared_item, monkeypatch, data):
    shared_item.write_bytes(data)
    assert machine(tmp_path, "ben", monkeypatch)[0].get(KEY) is None


def test_changed_bytes_are_not_taken(tmp_path, shared_item, monkeypatch):
    allow(tmp_path, "ann", "ben")
    (tmp_path / "bucket" / object_name(sha256_bytes(DATA))).write_bytes(b"a poisoned picture")
    assert machine(tmp_path, "ben", monkeypatch)[0].get(KEY) is None


def test_a_record_does_not_serve_for_another_key(tmp_path, shared_item, monkeypatch):
    allow(tmp_path, "ann", "ben")
    other = item_key("test", 2, {}, [])
    path = tmp_path / "bucket" / record_name(other)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(shared_item.read_bytes())
    assert machine(tmp_path, "ben", monkeypatch)[0].get(other) is None
