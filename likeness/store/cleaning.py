"""Which items go: a persona's, those that nobody uses any more, the files of what is refused now, and files that no record
names."""

import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from likeness.git_history import versions
from likeness.paths import PARAMS
from likeness.store.items import WITHHELD, ItemStore
from likeness.store.record import object_name, record_name

# A temporary file older than this belongs to no live writer and may be pruned.
STALE_TEMP_S = 3600.0
# In params.yaml, as it is composed.
ITEMS_ROOT = re.compile(rb"^items:\n(?: .*\n)*? +root: *(\S+)", re.MULTILINE)


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


def earlier_stores(repository: Path, present: Path) -> Iterator[ItemStore]:
    """The stores that `items.root` named in any commit, as far as they are there.

    Raises:
        ConfigError: git does not answer.
    """
    read = versions(repository, lambda path: True, str(PARAMS))
    named = [found[1].decode("utf-8", "replace") for _, data in read for found in ITEMS_ROOT.finditer(data)]
    roots = {(repository / one.strip("'\"")).resolve() for one in named} - {present.resolve()}
    return (ItemStore(root) for root in sorted(roots) if (root / "records").is_dir())
