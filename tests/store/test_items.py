"""The item store keeps what is finished, whatever happens to the process or the disk."""

import copy
import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.digests import sha256_bytes
from likeness.disk import write_atomic
from likeness.errors import DiskError
from likeness.store.cleaning import prune
from likeness.store.items import ItemStore
from likeness.store.keys import item_key

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SETTINGS = st.dictionaries(st.text(), JSON, max_size=4)


@given(SETTINGS)
def test_a_key_does_not_depend_on_the_order_of_settings(settings):
    backwards = dict(reversed(settings.items()))
    assert item_key("swap", 1, settings, ["a"]) == item_key("swap", 1, backwards, ["a"])


@given(SETTINGS, SETTINGS)
def test_other_settings_are_another_key(one, other):
    same = item_key("swap", 1, one, []) == item_key("swap", 1, other, [])
    assert same == (repr_json(one) == repr_json(other))


def repr_json(value):
    import json

    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    "other",
    [
        ("swap", 1, {}, ["b", "a"]),
        ("swap", 2, {}, ["a", "b"]),
        ("crop", 1, {}, ["a", "b"]),
        ("swap", 1, {}, ["ab"]),
    ],
)
def test_operation_version_and_input_order_are_part_of_a_key(other):
    assert item_key("swap", 1, {}, ["a", "b"]) != item_key(*other)


@given(st.dictionaries(st.text("abc.", min_size=1), st.binary(), max_size=3), SETTINGS)
def test_what_is_put_is_got_back(tmp_path_factory, files, record):
    store = ItemStore(tmp_path_factory.mktemp("items"))
    store.put("ab" * 32, files, record)
    item = store.get("ab" * 32)
    assert item is not None
    assert {name: file.path.read_bytes() for name, file in item.files.items()} == files
    assert {name: file.sha256 for name, file in item.files.items()} == {
        n: sha256_bytes(d) for n, d in files.items()
    }
    assert item.record == record


def test_an_unknown_key_is_none(store):
    assert store.get("0" * 64) is None


@pytest.mark.parametrize("damage", [b"", b"pic", b"PICTURE"])
def test_a_damaged_file_counts_as_not_made(store, damage):
    item = store.put("a" * 64, {"picture": b"picture"}, {})
    item.files["picture"].path.write_bytes(damage)
    assert store.get("a" * 64) is None
    assert store.verify() == ["a" * 64]
    store.put("a" * 64, {"picture": b"picture"}, {})
    assert store.get("a" * 64) is not None


def test_a_damaged_record_counts_as_not_made(store):
    store.put("a" * 64, {"picture": b"picture"}, {})
    next(store.root.glob("records/*/*.json")).write_text('{"files": ')
    assert store.get("a" * 64) is None


def test_prune_removes_old_items_and_their_files_only(store):
    store.put("a" * 64, {"picture": b"old", "shared": b"shared"}, {})
    store.put("b" * 64, {"picture": b"new", "shared": b"shared"}, {})
    long_ago = time.time() - 100 * 86400
    for path in store.root.rglob("*"):
        os.utime(path, (long_ago, long_ago))
    store.touch(store.get("b" * 64))
    removed, freed = prune(store, unused_for_s=86400)
    assert removed == 1
    assert freed > 0
    assert store.get("a" * 64) is None
    kept = store.get("b" * 64)
    assert {name: file.path.read_bytes() for name, file in kept.files.items()} == {
        "picture": b"new",
        "shared": b"shared",
    }


def test_prune_keeps_a_file_that_a_writer_has_just_put_down(store):
    store.put("a" * 64, {"picture": b"x"}, {})
    next(store.root.glob("records/*/*.json")).unlink()
    assert prune(store, unused_for_s=86400) == (0, 0)
    assert list(store.root.glob("objects/*/*"))


def put_for_ever(root: str) -> None:
    store = ItemStore(root)
    number = 0
    while True:
        store.put(sha256_bytes(str(number).encode()), {"picture": os.urandom(200_000)}, {"number": number})
        number += 1


def test_a_killed_writer_leaves_only_whole_items(tmp_path):
    for _ in range(3):
        writer = multiprocessing.get_context("spawn").Process(target=put_for_ever, args=(str(tmp_path),))
        writer.start()
        while len(list(tmp_path.glob("records/*/*.json"))) < 5:
            os.sched_yield()
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
    assert ItemStore(tmp_path).verify() == []


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DiskError, match="no space is left to write its 3 bytes"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_lost_file_counts_as_not_made(store):
    store.put("a" * 64, {"picture": b"picture"}, {}).files["picture"].path.unlink()
    assert store.get("a" * 64) is None
    assert store.verify() == ["a" * 64]


def test_a_record_says_what_its_key_was_made_of(tmp_path):
    store = ItemStore(tmp_path / "items")
    key = item_key("swap", 2, {"blend": 0.5}, ["a" * 64])
    assert pickle.loads(pickle.dumps(key)) == copy.deepcopy(key) == key
    store.put(key, {"image.png": b"pixels"}, {})
    assert ItemStore(tmp_path / "items").made_of(str(key)) == {
        "operation": "swap", "version": 2, "settings": {"blend": 0.5}, "inputs": ["a" * 64],
    }  # fmt: skip
    store.put(str(key), {}, {"withheld": True})  # by who has its text alone
    assert store.made_of(key) == key.made_of
    store.put("b" * 64, {}, {})  # as earlier versions wrote it
    assert store.made_of("b" * 64) == {}
    assert store.get("b" * 64) is not None
