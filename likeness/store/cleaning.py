"""Which items go: a persona's, those that nobody uses any more, the files of what is refused now, and files that no record
names."""

import time
from collections.abc import Collection

from likeness.store.items import WITHHELD, ItemStore
from likeness.store.record import object_name, record_name

# A temporary file older than this belongs to no live writer and may be pruned.
STALE_TEMP_S = 3600.0


def held_by(store: ItemStore, persona: str, digests: Collection[str] = ()) -> dict[str, list[str]]:
    """{key: digests of its files} of the items of a persona, and of those with a file of these digests."""
    files = {key: store.named(key) for key in list(store.keys())}
    return {
        key: named
        for key, named in files.items()
        if persona in store.personas(key) or not set(named).isdisjoint(digests)
    }


def forget(store: ItemStore, persona: str, digests: Collection[str] = ()) -> list[str]:
    """Delete the items that `held_by` finds; returns the names of all that went. What others use, too, stays and is
    no longer this persona's."""
    mine: list[str] = []
    for key in held_by(store, persona, digests):
        if others := sorted(store.personas(key) - {persona}):
            store.write_personas(key, others)
        else:
            mine.append(key)
    named = {digest for key in mine for digest in store.named(key)}
    for key in mine:
        store.record_path(key).unlink(missing_ok=True)
        store.orders.drop(key)
    gone = sorted(named - store.in_use())
    for digest in gone:
        store.object_path(digest).unlink(missing_ok=True)
    return [*map(record_name, mine), *map(object_name, gone)]


def prune(store: ItemStore, *, unused_for_s: float) -> tuple[int, int]:
    """Remove items not used for `unused_for_s` and files no record names; returns (items, bytes) freed."""
    now = time.time()
    removed = freed = 0
    for key in list(store.keys()):
        path = store.record_path(key)
        if now - path.stat().st_mtime > unused_for_s:
            freed += path.stat().st_size
            path.unlink()
            removed += 1
    named = store.in_use()
    for path in sorted((store.root / "objects").glob("??/*")):
        digest = path.parent.name + path.name
        if digest not in named and now - path.stat().st_mtime > min(unused_for_s, STALE_TEMP_S):
            freed += path.stat().st_size
            path.unlink()
    return removed, freed


def withhold(key: str, store: ItemStore) -> None:
    """Keep an item's record, and of its files the digests alone."""
    if (item := store.get(key)) is not None and item.files:
        digests = {name: file.sha256 for name, file in item.files.items()}
        store.put(key, {}, {**item.record, WITHHELD: digests})
        store.drop_unnamed(digests.values())
