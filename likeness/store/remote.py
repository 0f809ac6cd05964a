"""A team's item store under `items.remote`: what one machine paid for, no other pays for again.

The layout is the local store's (objects/ab/cdef..., records/ab/cdef....json). Reading goes through:
what is missing here is fetched and verified. Writing goes behind: finished items are shared by a few threads while
work goes on, from the local files, so that memory holds no more than these threads' items however long the queue is.

    unshared/KEY    beside objects/ and records/: this item is to be shared; removed once it is

The marker is there before the item is, so a kill at any moment leaves it for the next run. Objects go before the
record that names them, and both are named by what is in them or what it is made of: two machines that make the same
item write the same names, and a reader sees one whole item or the other.

A shared record has one field more than the local one: its `signature` by the member who shared it, over the key and the record.
What no member signed counts as damaged: it is made here. Bytes are verified against the record; what they show is measured
here before it is kept (`ItemStore`), and judged again at the doors behind (safety/gates.py).
"""

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import cast

from likeness.digests import sha256_bytes
from likeness.errors import AuthError, ConfigError, InputError, LikenessError, ProviderError
from likeness.store.items import WITHHELD, Json, Standing
from likeness.store.record import object_name, parse_personas, parse_record, record_name
from likeness.store.s3 import Remote
from likeness.store.s3_config import FROM_ENVIRONMENT, S3Config
from likeness.team_keys import TeamKeys

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
        self._team = TeamKeys("record of an item")
        self._pool = ThreadPoolExecutor(max_workers=UPLOADS_AT_ONCE, thread_name_prefix="share")
        self._lock = threading.Lock()
        self._pushed: list[Future[bool]] = []
        self._damaged: set[str] = set()
        self._told = False
        self._failed_in_a_row = 0
        self._problem: LikenessError | None = None

    def check(self) -> None:
        """See that items can be shared, before anything is bought.

        Raises:
            AuthError, ConfigError: see Remote.check.
        """
        self._remote.check(write=True)

    def fetch(
        self, key: str, judge: Callable[[Mapping[str, Json]], None] = lambda record: None
    ) -> tuple[dict[str, bytes], dict[str, Json]] | None:
        """An item's files and record, or None when nobody shared it or what is there is not whole. Where `judge` refuses
        the record, no file is fetched: their digests are WITHHELD.

        Raises:
            ProviderError, ConfigError: the store cannot be asked; to go on would be to pay twice.
        """
        described = self._remote.read(record_name(key))
        if described is None:
            return None
        files: dict[str, bytes] = {}
        try:
            hashes, record = parse_record(described)
            self._check_signature(key, described)
            if _is_refused(record, judge):
                return {}, {**record, WITHHELD: hashes}
            for name, digest in hashes.items():
                data = self._remote.read(object_name(digest))
                if data is None or sha256_bytes(data) != digest:
                    raise ValueError(name)
                files[name] = data
        except ValueError:
            self._damaged.add(key)
            return None
        return files, record

    def _check_signature(self, key: str, described: bytes) -> None:
        """ValueError for a record that no member signed."""
        whole: dict[str, Json] = json.loads(described)
        signature: object = whole.pop("signature", None)
        if self._team.signer(_signed(key, whole), signature) is None:
            with self._lock:
                told, self._told = self._told, True
            if not told:
                sys.stderr.write(f"{self._remote.url}: {_unbelieved(signature)}\n")
            raise ValueError("no member signed it")

    def announce(self, key: str) -> None:
        """Say that the item is about to be put into the local store; to be called before, so that no kill loses it."""
        self._markers.mkdir(parents=True, exist_ok=True)
        (self._markers / key).write_text(DAMAGED if key in self._damaged else "")

    def push(self, key: str) -> None:
        """Share the item, which is in the local store by now, when its turn comes; returns at once."""
        with self._lock:
            self._pushed.append(self._pool.submit(self._share, key))

    def flush(self, standing: Standing) -> int:
        """Wait until everything is shared; returns the number of items. What earlier runs left behind is sent where, by
        `standing`, nothing speaks against one of the persons it was made for; the rest stays here, and is told.

        Raises:
            AuthError, ConfigError, ProviderError: some were not; they stay here and are shared by the next run.
        """
        shared = self._wait()
        if not self._is_hopeless():
            self._problem = None
            for key in self._may_leave(standing):
                self.push(key)
            shared += self._wait()
        problem, self._problem, self._failed_in_a_row = self._problem, None, 0
        if problem is not None:
            kind = type(problem) if isinstance(problem, AuthError | ConfigError) else ProviderError
            raise kind(
                f"{len(self._unshared())} items could not be shared with the team: {problem.message}",
                reason="items-unshared",
                remedy=f"{problem.remedy}. Nothing is lost: they are in {self._root}, and the next run shares them",
            ) from problem
        return shared

    def _may_leave(self, standing: Standing) -> Iterator[str]:
        """Of the unshared, what was made for somebody whose consent is in force."""
        kept: Counter[str] = Counter()
        for key in self._unshared():
            try:
                personas = sorted(parse_personas((self._root / record_name(key)).read_bytes()))
            except (FileNotFoundError, ValueError):
                yield key  # there is nothing to send: `_send` drops its marker
                continue
            against = [standing(one) for one in personas]
            if None in against:
                yield key
            else:
                kept[next((one.message for one in against if one), "no run has said whose they are")] += 1
        for why, number in kept.items():
            sys.stderr.write(f"{number} items are not shared with the team: {why}\n")

    def _unshared(self) -> list[str]:
        return sorted(path.name for path in self._markers.glob("*"))

    def _is_hopeless(self) -> bool:
        stop = isinstance(self._problem, AuthError | ConfigError)
        return stop or self._failed_in_a_row >= GIVE_UP_AFTER

    def _wait(self) -> int:
        """The number of items shared since the last time; what nobody foresaw in a thread is raised here."""
        shared = 0
        while True:
            with self._lock:
                pushed, self._pushed = self._pushed, []
            if not pushed:
                return shared
            wait(pushed)
            shared += sum(future.result() for future in pushed)

    def _share(self, key: str) -> bool:
        if self._is_hopeless():
            return False
        try:
            sent = self._send(key)
        except LikenessError as problem:
            with self._lock:
                self._problem = problem
                self._failed_in_a_row += 1
            return False
        with self._lock:
            self._failed_in_a_row = 0
        return sent

    def _send(self, key: str) -> bool:
        """Objects, then the record, then the marker goes. False when the local store has nothing whole to share."""
        marker = self._markers / key
        try:
            damaged = marker.read_text() == DAMAGED
            described = (self._root / record_name(key)).read_bytes()
            digests = parse_record(described)[0].values()
            files = {digest: (self._root / object_name(digest)).read_bytes() for digest in digests}
            if any(sha256_bytes(data) != digest for digest, data in files.items()):
                raise ValueError(key)
        except (FileNotFoundError, ValueError):
            _drop_stale(marker)
            return False
        for digest, data in files.items():
            if damaged or self._remote.size(object_name(digest)) != len(data):
                self._remote.write(object_name(digest), data)
        whole = json.loads(described)
        whole["signature"] = self._team.sign(_signed(key, whole))
        self._remote.write(record_name(key), json.dumps(whole, sort_keys=True).encode())
        marker.unlink(missing_ok=True)
        return True


def _is_refused(record: Mapping[str, Json], judge: Callable[[Mapping[str, Json]], None]) -> bool:
    try:
        judge(record)
    except InputError:
        return True
    return False


def _unbelieved(signature: object) -> str:
    """What becomes of a record that no member signed, and the way to have it used."""
    if not isinstance(signature, dict):
        return "items without a signature are made here again; whoever has them sends them by `likeness items share`"
    key = str(cast("dict[str, Json]", signature).get("key"))[:60]
    return (
        f"items that no member of the team signed are made here again (the first is signed by {key!r}); "
        "`likeness keys team --allow KEY --name NAME` adds a member"
    )


def _signed(key: str, whole: Json) -> bytes:
    return f"{key}\n{json.dumps(whole, sort_keys=True)}".encode()


def _drop_stale(marker: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if time.time() - marker.stat().st_mtime > STALE_MARKER_S:
            marker.unlink()
