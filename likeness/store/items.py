"""The content-addressed store of finished items: what is paid for once is never made again.

An item is the finished file(s) of one unit of work under a key that names everything that decides its content:
operation and its version, settings (provider identity and weights digests among them), digests of its inputs.
File names are never part of a key. Layout under the root:

    objects/ab/cdef...            file bytes, named by their sha256
    records/ab/cdef....json       {"files": {name: sha256}, "record": {...}, "made_of": {...}, "personas": [...]}, named by
                                  the key; "personas" are those for whom it was made or used, for `likeness consent purge`
    tickets/cdef....json          what a provider gave for an order that it has not delivered yet

Both are written to a temporary name, flushed and renamed, objects before the record that names them: a kill
leaves at most an unreferenced file, which `prune` removes. Every read is verified against the sha256.
A team's store (remote.py) has the same layout.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from likeness.digests import SHA256_HEX, digests_of, sha256_bytes, sha256_file
from likeness.disk import write_atomic
from likeness.errors import InputError

if TYPE_CHECKING:
    from likeness.store.remote import SharedItems

Json = Any  # JSON values: None, bool, int, float, str, list, dict

# A temporary file older than this belongs to no live writer and may be pruned.
STALE_TEMP_S = 3600.0

# In the record of what was measured and refused: the sha256 of each file that was not kept.
WITHHELD = "withheld_sha256"

Judge = Callable[[Mapping[str, Json]], None]
"""Raises InputError where a record is refused."""

Inspect = Callable[[Mapping[str, bytes]], None]
"""Raises InputError where an item's files are refused."""


class ItemKey(str):
    """A key that knows what it was made of, so that the item's record can say it."""

    _made_of: bytes

    def __new__(cls, made_of: dict[str, Json]) -> Self:
        """The hex sha256 of what it was made of."""
        text = json.dumps(made_of, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        key = super().__new__(cls, sha256_bytes(text))
        key._made_of = text
        return key

    @property
    def made_of(self) -> dict[str, Json]:
        """Operation, version, settings and inputs."""
        return json.loads(self._made_of)

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Json]]]:
        """A copy is made of the same."""
        return type(self), (self.made_of,)


def item_key(operation: str, version: int, settings: Mapping[str, Json], inputs: Sequence[str]) -> ItemKey:
    """Key of the item that `operation` at `version` makes of `inputs` (sha256 digests) under `settings`."""
    return ItemKey({"operation": operation, "version": version, "settings": settings, "inputs": list(inputs)})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One finished file of an item, at `place`: as text, which is a third of a path's memory."""

    place: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class Item:
    """A finished unit of work: its files by name, and the file that describes it, None where nothing was measured. A stage holds
    the items of all its images, so the description is read when it is asked for."""

    key: str
    files: dict[str, StoredFile]
    described: str | None = None
    personas: frozenset[str] = frozenset()

    @property
    def record(self) -> dict[str, Json]:
        """What was measured on the way."""
        return {} if self.described is None else parse_record(Path(self.described).read_bytes())[1]


def object_name(digest: str) -> str:
    """Where the bytes of a sha256 lie in a store."""
    return f"objects/{digest[:2]}/{digest[2:]}"


def record_name(key: str) -> str:
    """Where the record of a key lies in a store."""
    return f"records/{key[:2]}/{key[2:]}.json"


def parse_record(described: bytes) -> tuple[dict[str, str], dict[str, Json]]:
    """({file name: sha256}, record) of a record's bytes; whoever reads a shared one has asked `signed_record` first.

    Raises:
        ValueError: it is no record.
    """
    try:
        parsed: object = json.loads(described)
    except RecursionError:
        raise ValueError("no record") from None
    whole = cast("dict[str, Json]", parsed) if isinstance(parsed, dict) else {}
    files, record = whole.get("files"), whole.get("record")
    if not isinstance(files, dict) or not isinstance(record, dict):
        raise ValueError("no record")
    hashes = cast("dict[str, str]", files)
    if not all(SHA256_HEX.fullmatch(str(digest)) for digest in hashes.values()):
        raise ValueError("no digest")
    return hashes, cast("dict[str, Json]", record)


def parse_personas(described: bytes) -> frozenset[str]:
    """For whom an item was made or used, by a record's bytes; nobody in records of earlier versions."""
    parsed: object = json.loads(described)
    names: Json = cast("dict[str, Json]", parsed).get("personas") if isinstance(parsed, dict) else None
    return frozenset(map(str, cast("list[Json]", names))) if isinstance(names, list) else frozenset[str]()


class ItemStore:
    """Local store of items. With `shared`, what is missing here is fetched there, and what is made is shared; what is
    made or used is noted as `persona`'s. `inspect` looks at the files of what was fetched before they are kept: it raises
    InputError where they are refused."""

    def __init__(
        self,
        root: str | Path,
        shared: SharedItems | None = None,
        *,
        persona: str | None = None,
        inspect: Inspect = lambda files: None,
    ) -> None:
        self._shared, self._persona, self._inspect = shared, persona, inspect
        self.root = Path(root).absolute()

    def get(
        self, key: str, judge: Judge = lambda record: None, inspect: Inspect | None = None
    ) -> Item | None:
        """The finished item, or None when nobody finished it or it no longer matches its digests. Of what is fetched, and
        refused by `judge` or on inspection, only the record is kept."""
        if (item := self._local(key)) is not None or self._shared is None:
            return item and self._owned(item)
        if (found := self._shared.fetch(key, judge)) is None:
            return None
        files, record = found
        try:
            self._inspect(files)
            if inspect is not None:
                inspect(files)
        except InputError as error:
            if error.kind != "refused":  # unreadable: it is made here
                return None
            files, record = {}, {**record, "refusal": error.refusal, WITHHELD: digests_of(files)}
        return self._keep(key, files, record)

    def has(self, key: str) -> bool:
        """Whether a record lies here, whatever it says."""
        return self._record_path(key).is_file()

    def put(self, key: str, files: Mapping[str, bytes], record: Mapping[str, Json]) -> Item:
        """Keep a finished item; safe against kills and against a second writer of the same key."""
        if self._shared is None:
            return self._keep(key, files, record)
        self._shared.announce(key)
        item = self._keep(key, files, record)
        self._shared.push(key)
        return item

    def flush(self) -> None:
        """Wait until what was made is shared.

        Raises:
            ProviderError, ConfigError: some items were not; they stay here, and the next run shares them.
        """
        if self._shared is not None:
            self._shared.flush()

    def _local(self, key: str) -> Item | None:
        try:
            described = (path := self._record_path(key)).read_bytes()
            hashes, _ = parse_record(described)
            files = {name: self._stored(digest) for name, digest in hashes.items()}
        except (FileNotFoundError, ValueError):
            return None
        if any(sha256_file(file.path) != file.sha256 for file in files.values()):
            return None
        return Item(key, files, str(path), parse_personas(described))

    def _owned(self, item: Item) -> Item:
        """The item, noted as this persona's, too."""
        if self._persona is None or self._persona in item.personas:
            return item
        path = self._record_path(item.key)
        personas = item.personas | {self._persona}
        with contextlib.suppress(
            FileNotFoundError, PermissionError
        ):  # pruned just now, or a store to read only
            described = json.loads(path.read_bytes()) | {"personas": sorted(personas)}
            self._write(path, json.dumps(described, sort_keys=True, allow_nan=False).encode())
        return replace(item, personas=personas)

    def personas(self, key: str) -> frozenset[str]:
        """For whom an item was made or used."""
        try:
            return parse_personas(self._record_path(key).read_bytes())
        except (OSError, ValueError):
            return frozenset()

    def held_by(self, persona: str, digests: Collection[str] = ()) -> dict[str, list[str]]:
        """{key: digests of its files} of the items of a persona, and of those with a file of these digests."""
        files = {key: self._named(key) for key in self.keys()}
        return {
            key: named
            for key, named in files.items()
            if persona in self.personas(key) or not set(named).isdisjoint(digests)
        }

    def forget(self, persona: str, digests: Collection[str] = ()) -> list[str]:
        """Delete the items that `held_by` finds; returns the names of all that went. What others use, too, stays and is
        no longer this persona's."""
        mine: list[str] = []
        for key in self.held_by(persona, digests):
            if others := sorted(self.personas(key) - {persona}):
                path = self._record_path(key)
                described = json.loads(path.read_bytes()) | {"personas": others}
                self._write(path, json.dumps(described, sort_keys=True, allow_nan=False).encode())
            else:
                mine.append(key)
        named = {digest for key in mine for digest in self._named(key)}
        for key in mine:
            self._record_path(key).unlink(missing_ok=True)
            self.drop_order(key)
        gone = sorted(named - {digest for key in self.keys() for digest in self._named(key)})
        for digest in gone:
            self._object_path(digest).unlink(missing_ok=True)
        return [*map(record_name, mine), *map(object_name, gone)]

    def _keep(self, key: str, files: Mapping[str, bytes], record: Mapping[str, Json]) -> Item:
        stored: dict[str, StoredFile] = {}
        for name, data in files.items():
            path = self._object_path(digest := sha256_bytes(data))
            if not (path.is_file() and sha256_file(path) == digest):
                self._write(path, data)
            stored[name] = StoredFile(str(path), digest, len(data))
        described: dict[str, Json] = {
            "files": {name: file.sha256 for name, file in stored.items()},
            "record": dict(record),
        }
        if isinstance(key, ItemKey):
            described["made_of"] = key.made_of
        personas = self.personas(key) | frozenset([self._persona] if self._persona else [])
        if personas:
            described["personas"] = sorted(personas)
        text = json.dumps(described, sort_keys=True, allow_nan=False).encode()
        self._write(path := self._record_path(key), text)
        return Item(key, stored, str(path), personas)

    def drop_unnamed(self, digests: Iterable[str]) -> None:
        """Delete the bytes of these digests at once, but those that a record still names."""
        for digest in set(digests) - {digest for key in self.keys() for digest in self._named(key)}:
            self._object_path(digest).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Keys of all records, in order."""
        for path in sorted((self.root / "records").glob("??/*.json")):
            yield path.parent.name + path.stem

    def made_of(self, key: str) -> dict[str, Json]:
        """Operation, version, settings and inputs of an item; empty in records of earlier versions."""
        try:
            return json.loads(self._record_path(key).read_bytes()).get("made_of", {})
        except (OSError, ValueError):
            return {}

    def verify(self) -> list[str]:
        """Keys whose record or files are missing, truncated or changed."""
        return [key for key in self.keys() if self._local(key) is None]

    def prune(self, *, unused_for_s: float, now_s: float | None = None) -> tuple[int, int]:
        """Remove items not used for `unused_for_s` and files no record names; returns (items, bytes) freed."""
        now = time.time() if now_s is None else now_s
        removed = freed = 0
        for key in list(self.keys()):
            path = self._record_path(key)
            if now - path.stat().st_mtime > unused_for_s:
                freed += path.stat().st_size
                path.unlink()
                removed += 1
        named = {digest for key in self.keys() for digest in self._named(key)}
        for path in sorted((self.root / "objects").glob("??/*")):
            digest = path.parent.name + path.name
            if digest not in named and now - path.stat().st_mtime > min(unused_for_s, STALE_TEMP_S):
                freed += path.stat().st_size
                path.unlink()
        return removed, freed

    def touch(self, item: Item) -> None:
        """Mark an item as used now, for `prune`."""
        os.utime(self._record_path(item.key))

    def pending_order(self, key: str) -> dict[str, Json] | None:
        """What is known of an order of the item that was accepted and not delivered yet."""
        try:
            return json.loads(self._order_path(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep_order(self, key: str, order: Mapping[str, Json]) -> None:
        """Remember an order before anything else happens to it: after a crash it is asked for, not bought again."""
        self._write(self._order_path(key), json.dumps(dict(order), sort_keys=True).encode())

    def drop_order(self, key: str) -> None:
        """Forget an order that was delivered or lost."""
        self._order_path(key).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, key: str) -> Generator[None, None, None]:
        """One thread of one process at a time works on this item; others wait, also for a process that
        outlives a killed run. The lock goes with its holder, however that ends."""
        path = self._order_path(key).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _same_file(file.fileno(), path):  # else the holder before us has removed it
                    try:
                        yield
                    finally:
                        path.unlink()
                    return

    def _order_path(self, key: str) -> Path:
        return self.root / "tickets" / f"{key}.json"

    def _named(self, key: str) -> list[str]:
        try:
            return list(parse_record(self._record_path(key).read_bytes())[0].values())
        except (OSError, ValueError):
            return []

    def _stored(self, digest: str) -> StoredFile:
        path = self._object_path(digest)
        return StoredFile(str(path), digest, path.stat().st_size)

    def _object_path(self, digest: str) -> Path:
        return self.root / object_name(digest)

    def _record_path(self, key: str) -> Path:
        return self.root / record_name(key)

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
