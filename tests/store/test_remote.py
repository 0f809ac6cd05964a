"""A team's items on a real S3 s3: two machines, two writers, kills, damage and wrong keys."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes.s3 import S3Server
from likeness.digests import sha256_bytes
from likeness.errors import AuthError, ConfigError, ProviderError
from likeness.store.items import ItemStore
from likeness.store.remote import STALE_MARKER_S, SharedItems
from likeness.store.s3 import Remote
from likeness.team_keys import TeamKeys

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(s3: S3Server) -> str:
    return f"s3://{s3.new_bucket()}/team"


def standing(persona: str) -> None:
    """Everybody's consent is in force."""


class Machine:
    """A local store that shares with the team as ItemStore does."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.store, self.shared = ItemStore(root, persona="jade"), SharedItems(url, root)

    def make(self, word: str, data: bytes | None = None) -> str:
        key = sha256_bytes(word.encode())
        self.shared.announce(key)
        self.store.put(key, {"image": data or word.encode() * 50}, {"cost_usd": 0.1, "word": word})
        self.shared.push(key)
        return key

    def waiting(self) -> set[str]:
        return {path.name for path in (self.root / "unshared").glob("*")}


def test_the_second_machine_gets_what_the_first_has_paid_for(tmp_path: Path, url: str):
    first, second = Machine(tmp_path / "a", url), Machine(tmp_path / "b", url)
    first.shared.check()
    keys = {word: first.make(word) for word in ("one", "two", "three")}
    assert first.shared.flush(standing) == 3
    assert first.waiting() == set()
    for word, key in keys.items():
        assert second.shared.fetch(key) == ({"image": word.encode() * 50}, {"cost_usd": 0.1, "word": word})
    assert second.shared.fetch(sha256_bytes(b"nobody's")) is None


def test_many_threads_get_each_its_own_item(tmp_path: Path, url: str):
    first, second = Machine(tmp_path / "a", url), SharedItems(url, tmp_path / "b")
    keys = [first.make(f"item {number}", b"%d " % number * 20_000) for number in range(40)]
    assert first.shared.flush(standing) == 40
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(second.fetch, keys))
    assert [item[0]["image"] for item in found if item] == [b"%d " % number * 20_000 for number in range(40)]


def test_the_shared_store_has_the_local_layout_and_bytes(tmp_path: Path, url: str, s3: S3Server):
    machine = Machine(tmp_path / "a", url)
    machine.make("one")
    machine.shared.flush(standing)
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            shared = s3.path(url) / path.relative_to(tmp_path / "a")
            data = shared.read_bytes()
            if path.parts[-3] == "records":  # signed where others may write
                whole = json.loads(data)
                assert whole.pop("signature")["key"] == TeamKeys("x").public
                data = json.dumps(whole, sort_keys=True).encode()
            assert data == path.read_bytes()


def test_what_was_made_before_there_was_a_team_is_sent_signed(tmp_path: Path, url: str, capsys):
    """Copied by hand it lacks the signature that the others ask for, and they pay again."""
    key = sha256_bytes(b"one")
    ItemStore(tmp_path / "a", persona="jade").put(key, {"image": b"paid"}, {"cost_usd": 0.1})
    record = Path("records") / key[:2] / f"{key[2:]}.json"
    Remote(url).write(str(record), (tmp_path / "a" / record).read_bytes())
    assert SharedItems(url, tmp_path / "b").fetch(key) is None
    assert "`likeness items share`" in capsys.readouterr().err
    assert ItemStore(tmp_path / "a", SharedItems(url, tmp_path / "a")).share(standing) == 1
    assert SharedItems(url, tmp_path / "b").fetch(key) == ({"image": b"paid"}, {"cost_usd": 0.1})


def test_a_refusal_is_shared_too(tmp_path: Path, url: str):
    first, second = Machine(tmp_path / "a", url), Machine(tmp_path / "b", url)
    key = sha256_bytes(b"refused")
    first.shared.announce(key)
    first.store.put(key, {}, {"refusal": {"reason": "blurred"}})
    first.shared.push(key)
    first.shared.flush(standing)
    assert second.shared.fetch(key) == ({}, {"refusal": {"reason": "blurred"}})


def test_an_object_that_is_there_is_not_sent_again(tmp_path: Path, url: str, s3: S3Server):
    first, second = Machine(tmp_path / "a", url), Machine(tmp_path / "b", url)
    first.make("one", b"same bytes")
    first.shared.flush(standing)
    digest = sha256_bytes(b"same bytes")
    path = s3.path(f"{url}/objects/{digest[:2]}/{digest[2:]}")
    written = path.stat().st_mtime_ns
    second.make("another", b"same bytes")
    assert second.shared.flush(standing) == 1
    assert path.stat().st_mtime_ns == written


def test_two_writers_of_one_key_leave_one_whole_item(tmp_path: Path, url: str):
    machines = [Machine(tmp_path / str(number), url) for number in range(2)]
    made = {bytes([65 + number]) * 300_000 for number in range(2)}

    def work(machine: Machine, data: bytes) -> None:
        for _ in range(5):
            machine.make("one", data)
        machine.shared.flush(standing)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(machines, sorted(made), strict=True)]
    reader = SharedItems(url, tmp_path / "reader")
    for thread in threads:
        thread.start()
    seen = {reader.fetch(sha256_bytes(b"one")) is None for _ in range(30)}
    for thread in threads:
        thread.join()
    found = reader.fetch(sha256_bytes(b"one"))
    assert found is not None
    assert found[0]["image"] in made
    assert seen <= {True, False}
    assert all(machine.waiting() == set() for machine in machines)


@pytest.mark.parametrize(
    "damage", ["object", "object cut", "object gone", "record", "record cut", "record of nothing"]
)
def test_what_is_damaged_counts_as_absent_and_is_mended_by_who_makes_it_again(
    damage: str, tmp_path: Path, url: str, s3: S3Server
):
    first, second = Machine(tmp_path / "a", url), Machine(tmp_path / "b", url)
    key = first.make("one")
    first.shared.flush(standing)
    kind = damage.split()[0]
    (path,) = [path for path in (tmp_path / "a" / f"{kind}s").rglob("*") if path.is_file()]
    name, whole = path.relative_to(tmp_path / "a").as_posix(), path.read_bytes()
    if damage.endswith("gone"):
        s3.path(f"{url}/{name}").unlink()
    elif damage.endswith("nothing"):
        Remote(url).write(name, b'{"files": {"image": "../../secret"}, "record": {}}')
    else:  # half written, or of another content
        Remote(url).write(name, whole[: len(whole) // 2] if damage.endswith("cut") else b"x" * len(whole))
    assert second.shared.fetch(key) is None

    second.make("one")
    second.shared.flush(standing)
    assert SharedItems(url, tmp_path / "c").fetch(key) == (
        {"image": b"one" * 50},
        {"cost_usd": 0.1, "word": "one"},
    )


def test_a_wrong_secret_stops_sharing_at_once_and_the_next_run_shares_all(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
        machine = Machine(tmp_path / "a", url)
        with pytest.raises(AuthError, match="signature"):
            machine.shared.check()
        keys = [machine.make(f"item {number}") for number in range(20)]
        with pytest.raises(AuthError) as caught:
            machine.shared.flush(standing)
        assert caught.value.reason == "items-unshared"
        assert "20 items" in caught.value.message
        assert "Nothing is lost" in caught.value.remedy
        with pytest.raises(AuthError):
            machine.shared.fetch(keys[0])
    assert machine.waiting() == set(keys)
    later = Machine(tmp_path / "a", url)
    assert later.shared.flush(standing) == 20
    assert all(later.shared.fetch(key) for key in keys)


def test_an_unreachable_store_is_given_up_soon_and_never_taken_for_empty(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("likeness.store.s3_client.ATTEMPTS", 1)
    machine = Machine(tmp_path / "a", url)
    keys = [machine.make(f"item {number}") for number in range(30)]
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        machine.shared.flush(standing)
    assert time.monotonic() - started < 50
    assert caught.value.reason == "items-unshared"
    assert machine.waiting() == set(keys)
    with pytest.raises(ProviderError):
        machine.shared.fetch(keys[0])
    with pytest.raises(ConfigError):
        machine.shared.check()


def test_where_all_is_shared_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert SharedItems("s3://bucket/team", tmp_path).flush(standing) == 0


def test_a_kill_while_sharing_loses_nothing(tmp_path: Path, url: str, s3: S3Server):
    program = textwrap.dedent(f"""
        import signal
        from pathlib import Path
        from test_remote import Machine, standing
        machine = Machine(Path({str(tmp_path / "a")!r}), {url!r})
        for number in range(150):
            machine.make(f"item {{number}}", b"%d " % number * 4_000)
        machine.shared.flush(standing)
        signal.pause()  # for the kill
    """)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests/store'}{os.pathsep}{ROOT / 'tests'}",
    }
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    records = s3.path(f"{url}/records")
    while process.poll() is None and len(list(records.rglob("*.json"))) < 20:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    after = Machine(tmp_path / "a", url)
    made, unshared = set(after.store.keys()), after.waiting()
    assert unshared & made
    assert after.shared.flush(standing) == len(unshared & made)
    third = SharedItems(url, tmp_path / "c")
    for key in made:
        fetched, item = third.fetch(key), after.store.get(key)
        assert fetched is not None
        assert item is not None
        assert fetched[0]["image"] == item.files["image"].path.read_bytes()
    assert after.waiting() <= unshared - made


def test_a_marker_whose_item_was_never_finished_goes_when_it_is_old(tmp_path: Path, url: str):
    machine = Machine(tmp_path / "a", url)
    for word, age_s in (("fresh", 0.0), ("old", STALE_MARKER_S + 60)):
        machine.shared.announce(word)
        os.utime(tmp_path / "a" / "unshared" / word, (time.time() - age_s,) * 2)
    assert machine.shared.flush(standing) == 0
    assert machine.waiting() == {"fresh"}


def test_a_store_on_a_shared_folder_works_as_well(tmp_path: Path):
    url = f"file://{tmp_path}/shared"
    first, second = Machine(tmp_path / "a", url), Machine(tmp_path / "b", url)
    first.shared.check()
    key = first.make("one")
    assert first.shared.flush(standing) == 1
    assert second.shared.fetch(key) == ({"image": b"one" * 50}, {"cost_usd": 0.1, "word": "one"})
