"""Look after the store of finished items."""

import itertools
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.arguments import Json, print_json
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.formatting import format_bytes
from likeness.paths import PARAMS, RepositoryPaths
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.standing import standing_of
from likeness.store import open_items, team_store
from likeness.store.cleaning import prune
from likeness.store.items import ItemStore

DAY_S = 86_400.0


def prune_items(
    unused_days: Annotated[float, typer.Option(min=0, help="How many days without use.")],
) -> None:
    """Remove what no run has used for some days.

    Removes items and working checkpoints of training. Purchases stay.

    \b
    Example:
      likeness items prune --unused-days 30
    """
    repository = RepositoryPaths.here()
    items = open_items(load_config(PARAMS), repository)
    spare_bought(items)
    removed, freed = prune(items, unused_for_s=unused_days * DAY_S)
    orders = drop_delivered(items)
    runs = prune_training(repository.training, unused_for_s=unused_days * DAY_S)
    sys.stdout.write(
        f"removed {removed} items, freed {format_bytes(freed)}; removed {runs} training folders and {orders} delivered orders\n"
    )


def spare_bought(items: ItemStore) -> None:
    """Count purchases as used just now: age alone throws nothing away that was paid for (0 days still do)."""
    for key in items.keys():  # noqa: SIM118  (a store is no dict)
        item = items.get(key)
        if item is not None and "what" in item.record and item.record.get("cost_usd"):
            items.touch(item)


def drop_delivered(items: ItemStore) -> int:
    """Forget pending orders whose item is in the store, left by a crash between the two; returns how many."""
    pending = list(items.orders.keys())
    delivered = [key for key in pending if items.get(key) is not None]
    for key in delivered:
        items.orders.drop(key)
    return len(delivered)


def prune_training(folder: Path, *, unused_for_s: float) -> int:
    """Remove working checkpoints of runs whose last file is older than that; returns how many runs."""
    old = [
        run
        for run in folder.glob("*/")
        if time.time() - max((file.stat().st_mtime for file in run.rglob("*")), default=0.0) > unused_for_s
    ]
    for run in old:
        shutil.rmtree(run)
    return len(old)


def list_items(as_json: Json = False) -> None:
    """Show what is stored, by operation.

    For each operation: items, their size on disk, how many are damaged, and why items were refused. --json lists each item.

    \b
    Examples:
      likeness items list
      likeness items list --json
    """
    items = open_items(load_config(PARAMS), RepositoryPaths.here())
    rows = [_row(key, items) for key in items.keys()]  # noqa: SIM118  (a store is no dict)
    rows.sort(key=lambda row: row["operation"])
    if as_json:
        print_json(rows)
        return
    for operation, members in itertools.groupby(rows, key=lambda row: row["operation"]):
        group = list(members)
        words = [f"{len(group):>6} items", f"{format_bytes(_on_disk(group)):>9}"]
        if damaged := sum(row["damaged"] for row in group):
            words.append(f"{damaged} damaged")
        refusals = Counter(row["refusal"] for row in group if row["refusal"])
        words += [f"{number} refused: {reason}" for reason, number in refusals.items()]
        sys.stdout.write(f"{operation or 'of earlier versions':<20}{', '.join(words)}\n")
    sys.stdout.write(f"{len(rows)} items, {format_bytes(_on_disk(rows))} in {items.root}\n")


def _on_disk(rows: Sequence[dict[str, Any]]) -> int:
    """Bytes of the files of some items: what several of them hold lies there once."""
    return sum({digest: size for row in rows for digest, size in row["objects"].items()}.values())


def _row(key: str, items: ItemStore) -> dict[str, Any]:
    item, made_of = items.get(key), items.made_of(key)
    return {
        "key": key,
        "operation": made_of.get("operation", ""),
        "version": made_of.get("version"),
        "damaged": item is None,
        "files": list(item.files) if item else [],
        "bytes": sum(file.size for file in item.files.values()) if item else 0,
        "objects": {file.sha256: file.size for file in item.files.values()} if item else {},
        "refusal": item.record.get("refusal", {}).get("reason") if item else None,
    }


def share_items() -> None:
    """Send the team what was made before it had a store.

    From `items.remote` on, each run sends what it makes; this sends, signed, what lies here from before of persons whose
    consent is in force.

    \b
    Example:
      likeness items share
    """
    config = load_config(PARAMS)
    if config.items.remote is None:
        raise ConfigError(
            "there is no team's store: items.remote is null",
            remedy="name it in conf/items/local.yaml, then `make params` (docs/s3.md)",
        )
    repository = RepositoryPaths.here()
    learn_from_git(repository.root)
    standing = standing_of(repository.root, team_store(config))
    shared = open_items(config, repository).share(standing)
    sys.stdout.write(f"{shared} items sent to {config.items.remote}\n")


def verify_items() -> int:
    """Check every file against its sha256.

    Exit status 1 when a file is damaged. The next run that needs the item makes it again.

    \b
    Example:
      likeness items verify
    """
    damaged = open_items(load_config(PARAMS), RepositoryPaths.here()).verify()
    sys.stdout.writelines(f"{key}  damaged: it will be made again when it is needed\n" for key in damaged)
    sys.stdout.write(f"{len(damaged)} damaged items\n")
    return int(bool(damaged))
