"""The content-addressed store of finished items: what is paid for once is never made again.

An item is the finished file(s) of one unit of work under a key that names everything that decides its content:
operation and its version, settings (provider identity and weights digests among them), digests of its inputs.
File names are never part of a key. Layout under the root:

    objects/ab/cdef...            file bytes, named by their sha256
    records/ab/cdef....json       {"files": {name: sha256}, "record": {...}, "made_of": {...}, "personas": [...]}, named by
                                  the key; "personas" are those for whom it was made or used, for `likeness consent purge`
    tickets/cdef....json          orders that are not delivered yet (orders.py)

Both are written to a temporary name, flushed and renamed, objects before the record that names them: a kill
leaves at most an unreferenced file, which `prune` (cleaning.py) removes. Every read is verified against the sha256.
A team's store (remote.py) has the same layout.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from likeness.digests import Json as Json
from likeness.digests import digests_of, sha256_bytes, sha256_file
from likeness.disk import write_atomic
from likeness.errors import InputError, LikenessError
from likeness.store.keys import ItemKey
from likeness.store.orders import Orders
from likeness.store.record import object_name, parse_personas, parse_record, record_name

if TYPE_CHECKING:
    from likeness.store.remote import SharedItems

_T = TypeVar("_T")

# In the record of what was measured and refused: the sha256 of each file that was not kept.
WITHHELD = "withheld_sha256"

Judge = Callable[[Mapping[str, Json]], None]
"""Raises InputError where a record is refused."""

Standing = Callable[[str], LikenessError | None]
"""Why nothing of this person may leave this machine, if it may not."""

Inspect = Callable[[Mapping[str, bytes]], None]
"""Raises InputError where an item's files are refused."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One finished file of an item: in the store at `root` under its digest, or, where nothing is stored of it, `beside` it."""

    root: str
    sha256: str
    size: int
    beside: str | None = None

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.root, object_name(self.sha256)) if self.beside is None else Path(self.beside)


@dataclass(frozen=True, slots=True)
class Item:
    """A finished unit of work: its files by name, and the store that has its record, None where nothing was measured. A stage holds
    the items of all its images, so the record is read when it is asked for, and no place is kept that the key tells."""

    key: str
    files: dict[str, StoredFile] = field(hash=False)
    root: str | None = None
    personas: frozenset[str] = frozenset()

    @property
    def record(self) -> dict[str, Json]:
        """What was measured on the way."""
        return (
            {} if self.root is None else parse_record(Path(self.root, record_name(self.key)).read_bytes())[1]
        )


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
        self._place = str(self.root)  # one text for all items
        self.orders = Orders(self.root / "tickets")

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
        return self.record_path(key).is_file()

    def put(self, key: str, files: Mapping[str, bytes], record: Mapping[str, Json]) -> Item:
        """Keep a finished item; safe against kills and against a second writer of the same key."""
        if self._shared is None:
            return self._keep(key, files, record)
        self._shared.announce(key)
        item = self._keep(key, files, record)
        self._shared.push(key)
        return item

    def share(self, standing: Standing) -> int:
        """Share every item that lies here, those of before there was a team's store, too; returns how many are sent. See
        `flush`.

        Raises:
            ProviderError, ConfigError: see `flush`.
        """
        assert self._shared is not None, "no team's store"
        for key in self.keys():
            self._shared.announce(key)
        return self._shared.flush(standing)

    def flush(self, standing: Standing) -> None:
        """Wait until what was made is shared; what earlier runs left behind only where, by `standing`, nothing speaks against one
        of the persons that it was made for.

        Raises:
            ProviderError, ConfigError: some items were not; they stay here, and the next run shares them.
        """
        if self._shared is not None:
            self._shared.flush(standing)

    def _local(self, key: str) -> Item | None:
        try:
            described = self.record_path(key).read_bytes()
            hashes, _ = parse_record(described)
            files = {name: self._stored(digest) for name, digest in hashes.items()}
        except (FileNotFoundError, ValueError):
            return None
        if any(sha256_file(file.path) != file.sha256 for file in files.values()):
            return None
        return Item(str(key), files, self._place, parse_personas(described))

    def _owned(self, item: Item) -> Item:
        """The item, noted as this persona's, too."""
        if self._persona is None or self._persona in item.personas:
            return item
        personas = item.personas | {self._persona}
        # Pruned just now, or a store to read only.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            self.write_personas(item.key, personas)
        return replace(item, personas=personas)

    def personas(self, key: str) -> frozenset[str]:
        """For whom an item was made or used."""
        return self._told(key, parse_personas, frozenset[str]())

    def _told(self, key: str, read: Callable[[bytes], _T], otherwise: _T) -> _T:
        """What a record says of its item; `otherwise` where there is none that reads."""
        try:
            return read(self.record_path(key).read_bytes())
        except (OSError, ValueError):
            return otherwise

    def write_personas(self, key: str, personas: Collection[str]) -> None:
        """Note in an item's record for whom it was made or used."""
        path = self.record_path(key)
        described = json.loads(path.read_bytes()) | {"personas": sorted(personas)}
        write_atomic(path, json.dumps(described, sort_keys=True, allow_nan=False).encode())

    def _keep(self, key: str, files: Mapping[str, bytes], record: Mapping[str, Json]) -> Item:
        stored: dict[str, StoredFile] = {}
        for name, data in files.items():
            path = self.object_path(digest := sha256_bytes(data))
            if not (path.is_file() and sha256_file(path) == digest):
                write_atomic(path, data)
            stored[name] = StoredFile(self._place, digest, len(data))
        described: dict[str, Json] = {
            "files": {name: file.sha256 for name, file in stored.items()},
            "record": dict(record),
        }
        # Who has the text of a key alone changes an item that is there.
        if made_of := key.made_of if isinstance(key, ItemKey) else self.made_of(key):
            described["made_of"] = made_of
        personas = self.personas(key) | frozenset([self._persona] if self._persona else [])
        if personas:
            described["personas"] = sorted(personas)
        text = json.dumps(described, sort_keys=True, allow_nan=False).encode()
        write_atomic(self.record_path(key), text)
        return Item(str(key), stored, self._place, personas)

    def drop_unnamed(self, digests: Iterable[str]) -> None:
        """Delete the bytes of these digests at once, but those that a record still names."""
        for digest in set(digests) - self.in_use():
            self.object_path(digest).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Keys of all records, in order."""
        for path in sorted((self.root / "records").glob("??/*.json")):
            yield path.parent.name + path.stem

    def in_use(self) -> set[str]:
        """The digests that records name."""
        return {digest for key in self.keys() for digest in self.named(key)}

    def made_of(self, key: str) -> dict[str, Json]:
        """Operation, version, settings and inputs of an item; empty in records of earlier versions."""
        return self._told(key, lambda described: json.loads(described).get("made_of", {}), {})

    def verify(self) -> list[str]:
        """Keys whose record or files are missing, truncated or changed."""
        return [key for key in self.keys() if self._local(key) is None]

    def touch(self, item: Item) -> None:
        """Mark an item as used now, for `prune`."""
        os.utime(self.record_path(item.key))

    def named(self, key: str) -> list[str]:
        """The digests of an item's files, whether they lie here or not."""
        return self._told(key, lambda described: list(parse_record(described)[0].values()), [])

    def _stored(self, digest: str) -> StoredFile:
        return StoredFile(self._place, digest, self.object_path(digest).stat().st_size)

    def object_path(self, digest: str) -> Path:
        """Where the bytes of a digest lie."""
        return Path(self._place, object_name(digest))

    def record_path(self, key: str) -> Path:
        """Where the record of a key lies."""
        return Path(self._place, record_name(key))
