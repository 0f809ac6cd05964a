"""Fixtures every test may use; sockets are closed unless a test asks for loopback."""

import gc
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import settings

# Two cores: a thread pool inside every library only makes them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from conf_sections import share_compositions
from signing import signers_of_the_tests
from temporary import keep_together

from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.buy import Buyer
from likeness.safety.consent.revocations import SHARED
from likeness.store.items import ItemStore

keep_together()  # before anything makes a temporary folder
os.environ["DVC_NO_ANALYTICS"] = "1"  # it calls home from a process of its own, which leaves a file

# Records are signed with a key of the tests; the settings of whoever runs them are not touched.
os.environ["LIKENESS_HOME"] = signers_of_the_tests()
share_compositions()  # before workers start: they inherit it

# Hydra, and tests, read YAML by PyYAML's reader in Python: libyaml's, which likeness has, takes a tenth of the time.
yaml.SafeLoader = yaml.CSafeLoader

# What is imported stays: to look through half a million objects for what may go takes seconds, again and again.
gc.disable()

# Tests kill programs, they cut no power: what was written is there without waiting for the disk, 4 ms a file.
os.fsync = lambda descriptor: None

if TYPE_CHECKING:
    from fakes.s3 import S3Server

PHOTOS = Path(__file__).parent / "photos"


def pytest_collection_finish() -> None:
    """From here on garbage is collected, and only looked for in what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _garbage_goes_with_its_module() -> Iterator[None]:
    """What a module leaves is not looked through again at each of the next ones' collections."""
    yield
    gc.collect()
    gc.freeze()


settings.register_profile("busy", deadline=None)  # a busy machine is no defect
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Only loopback answers: a test that reaches for the network fails at once."""
    if request.node.get_closest_marker("network"):
        return
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if isinstance(address, tuple) and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


RECORDS_OF_TESTS = (b"mia", b"jade-2026-01")
"""As they are named in a list of revocations; the repository's own record of jade has another id."""


@pytest.fixture(autouse=True)
def _what_one_test_revokes_ends_nothing_in_another() -> Iterator[None]:
    """They all write the same release, and this user's revocations count in every clone."""
    folder = Path(os.environ["LIKENESS_HOME"]) / SHARED
    yield
    if folder.is_dir():
        for path in folder.glob("*.jsonl"):
            if any(record in path.read_bytes() for record in RECORDS_OF_TESTS):
                path.unlink()


@pytest.fixture
def synthetic_people() -> Path:
    """The synthetic people's photographs: sources/, targets/ and extras/."""
    return PHOTOS


@pytest.fixture
def store(tmp_path: Path) -> ItemStore:
    """An empty item store."""
    return ItemStore(tmp_path / "items")


@pytest.fixture
def buyer(store: ItemStore, tmp_path: Path) -> Buyer:
    """A buyer of that store; nothing has a price, so nothing can be bought."""
    budget = BudgetConfig(max_usd=0)
    spending = Spending(tmp_path / "spending.jsonl", prices={}, budget=budget, stage="swap", persona="jade")
    return Buyer(store, spending, threading.Event())


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator["S3Server"]:
    """A real S3 server on loopback."""
    from fakes.s3 import S3Server

    with S3Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def s3(s3_process: "S3Server", monkeypatch: pytest.MonkeyPatch) -> "S3Server":
    """That server, and the environment that leads to it; buckets are a test's own."""
    for name, value in s3_process.environment().items():
        monkeypatch.setenv(name, value)
    # botocore waits up to a second before it tries again, then up to two.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    return s3_process


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path
