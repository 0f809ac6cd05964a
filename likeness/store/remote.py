"""A team's item store under `items.remote`: what one machine paid for, no other pays for again.

The layout is the local store's (objects/ab/cdef..., records/ab/cdef....json), byte for byte. Reading goes through:
what is missing here is fetched and verified. Writing goes behind: finished items are shared by a few threads while
work goes on, from the local files, so that memory holds no more than these threads' items however long the queue is.

    unshared/KEY    beside objects/ and records/: this item is to be shared; removed once it is

The marker is there before the item is, so a kill at any moment leaves it for the next run. Objects go before the
record that names them, and both are named by what is in them or what it is made of: two machines that make the same
item write the same names, and a reader sees one whole item or the other.
"""

import contextlib
import hashlib
import json
import re
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, cast

from likeness.errors import AuthError, ConfigError, LikenessError, ProviderError
from likeness.store.s3 import Remote
from likeness.store.s3_config import FROM_ENVIRONMENT, S3Config

Json = Any
SHA256_HEX = re.compile("[0-9a-f]{64}")
UPLOADS_AT_ONCE = 8
# So many items in a row that could not be shared, after each was retried: the others wait for the next run.
GIVE_UP_AFTER = 3
# A marker without an item that is older belongs to a run that was killed before the item was finished.
STALE_MARKER_S = 3600.0
# Content of a marker whose item lies damaged in the shared store.
DAMAGED = "damaged"


class SharedItems:
    """The store at `url`, shared from the local store at `root`. Nothing is sent or asked before it is needed."""

    def __init__(self, url: str, root: Path, s3: S3Config = FROM_ENVIRONMENT) -> None:
        self._remote, self._root = Remote(url, s3), root
        self._markers = root / "unshared"
        self._pool = ThreadPoolExecutor(max_workers=UPLOADS_AT_ONCE, thread_name_prefix="share")
        self._lock = threading.Lock()
        self._waiting: set[Future[None]] = set()
        self._damaged: set[str] = set()
        self._shared = self._failed_in_a_row = 0
        self._problem: LikenessError | None = None
        self._crash: BaseException | None = None

    def check(self) -> None:
        """See that items can be shared, before anything is bought.

        Raises:
            AuthError, ConfigError: see Remote.check.
        """
        self._remote.check(write=True)

    def fetch(self, key: str) -> tuple[dict[str, bytes], dict[str, Json]] | None:
        """An item's files and record, or None when nobody shared it or what is there is not whole.

        Raises:
            ProviderError, ConfigError: the store cannot be asked; to go on would be to pay twice.
        """
        described = self._remote.read(_record(key))
        if described is None:
            return None
        files: dict[str, bytes] = {}
        try:
            hashes, record = _parsed(described)
            for name, digest in hashes.items():
                data = self._remote.read(_object(digest))
                if data is None or hashlib.sha256(data).hexdigest() != digest:
                    raise ValueError(name)
                files[name] = data
        except ValueError:
            self._damaged.add(key)
            return None
        return files, record

    def announce(self, key: str) -> None:
        """Say that the item is about to be put into the local store; to be called before, so that no kill loses it."""
        self._markers.mkdir(parents=True, exist_ok=True)
        (self._markers / key).write_text(DAMAGED if key in self._damaged else "")

    def push(self, key: str) -> None:
        """Share the item, which is in the local store by now, when its turn comes; returns at once."""
        with self._lock:
            self._waiting.add(future := self._pool.submit(self._share, key))
        future.add_done_callback(self._ended)

    def flush(self) -> int:
        """Wait until everything is shared, what earlier runs left behind included; returns the number of items.

        Raises:
            AuthError, ConfigError, ProviderError: some were not; they stay here and are shared by the next run.
        """
        self._wait()
        if not self._hopeless():
            self._problem = None
            for key in self._left():
                self.push(key)
            self._wait()
        shared, problem = self._shared, self._problem
        self._shared, self._failed_in_a_row, self._problem = 0, 0, None
        if problem is not None:
            kind = type(problem) if isinstance(problem, AuthError | ConfigError) else ProviderError
            raise kind(
                f"{len(self._left())} items could not be shared with the team: {problem.message}",
                reason="items-unshared",
                remedy=f"{problem.remedy}. Nothing is lost: they are in {self._root}, and the next run shares them",
            ) from problem
        return shared

    def _left(self) -> list[str]:
        return sorted(path.name for path in self._markers.glob("*"))

    def _hopeless(self) -> bool:
        stop = isinstance(self._problem, AuthError | ConfigError)
        return stop or self._failed_in_a_row >= GIVE_UP_AFTER

    def _wait(self) -> None:
        while waiting := self._now_waiting():
            wait(waiting)
        if self._crash is not None:
            raise self._crash

    def _now_waiting(self) -> list[Future[None]]:
        with self._lock:
            return list(self._waiting)

    def _ended(self, future: Future[None]) -> None:
        with self._lock:
            self._crash = future.exception() or self._crash
            self._waiting.discard(future)

    def _share(self, key: str) -> None:
        if self._hopeless():
            return
        try:
            sent = self._send(key)
        except LikenessError as problem:
            with self._lock:
                self._problem = problem
                self._failed_in_a_row += 1
            return
        with self._lock:
            self._shared += sent
            self._failed_in_a_row = 0

    def _send(self, key: str) -> bool:
        """Objects, then the record, then the marker goes. False when the local store has nothing whole to share."""
        marker = self._markers / key
        try:
            damaged = marker.read_text() == DAMAGED
            described = (self._root / _record(key)).read_bytes()
            files = {
                digest: (self._root / _object(digest)).read_bytes()
                for digest in _parsed(described)[0].values()
            }
            if any(hashlib.sha256(data).hexdigest() != digest for digest, data in files.items()):
                raise ValueError(key)
        except (FileNotFoundError, ValueError):
            _drop_stale(marker)
            return False
        for digest, data in files.items():
            if damaged or self._remote.size(_object(digest)) != len(data):
                self._remote.write(_object(digest), data)
        self._remote.write(_record(key), described)
        marker.unlink(missing_ok=True)
        return True


def _parsed(described: bytes) -> tuple[dict[str, str], dict[str, Json]]:
    """({file name: sha256}, record) of a record's JSON; ValueError when it is not one."""
    parsed: object = json.loads(described)
    if not isinstance(parsed, dict):
        raise ValueError("not a record")
    whole = cast("dict[str, Any]", parsed)
    files, record = whole.get("files"), whole.get("record")
    if not isinstance(files, dict) or not isinstance(record, dict):
        raise ValueError("not a record")
    hashes = cast("dict[str, str]", files)
    if not all(SHA256_HEX.fullmatch(str(digest)) for digest in hashes.values()):
        raise ValueError("not a digest")
    return hashes, cast("dict[str, Json]", record)


def _object(digest: str) -> str:
    return f"objects/{digest[:2]}/{digest[2:]}"


def _record(key: str) -> str:
    return f"records/{key[:2]}/{key[2:]}.json"


def _drop_stale(marker: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if time.time() - marker.stat().st_mtime > STALE_MARKER_S:
            marker.unlink()
