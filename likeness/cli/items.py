"""items: look after the store of finished items.

python -m likeness.cli.items list              what is stored, by kind, with sizes
python -m likeness.cli.items verify            check every file against its digest
python -m likeness.cli.items prune --unused-days 30
"""

import argparse
import shutil
import sys
import time
from pathlib import Path

from likeness.config import load_config
from likeness.errors import LikenessError
from likeness.paths import RepositoryPaths
from likeness.run import PARAMS, open_items
from likeness.store.items import ItemStore

DAY_S = 86_400.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m likeness.cli.items", description="look after the item store"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what is stored: key, files, bytes")
    commands.add_parser("verify", help="check every file against its digest; exit status 1 when one differs")
    prune = commands.add_parser(
        "prune",
        help="remove items and working checkpoints that no run has used for some days; purchases stay",
    )
    prune.add_argument(
        "--unused-days", type=float, required=True, help="remove what was last used before that"
    )
    parsed = parser.parse_args(arguments)
    repository = RepositoryPaths.here()
    items = open_items(load_config(PARAMS), repository)
    if parsed.command == "list":
        return show(items)
    if parsed.command == "verify":
        return verify(items)
    spare_bought(items)
    removed, freed = items.prune(unused_for_s=parsed.unused_days * DAY_S)
    tickets = drop_delivered(items)
    runs = prune_training(repository.training, unused_for_s=parsed.unused_days * DAY_S)
    sys.stdout.write(
        f"removed {removed} items, freed {freed / 1e6:.1f} MB; removed {runs} training folders and {tickets} tickets "
        "of delivered orders\n"
    )
    return 0


def spare_bought(items: ItemStore) -> None:
    """Count purchases as used just now: age alone throws nothing away that was paid for (0 days still do)."""
    for key in items.keys():  # noqa: SIM118  (a store is no dict)
        item = items.get(key)
        if item is not None and "what" in item.record and item.record.get("cost_usd"):
            items.touch(item)


def drop_delivered(items: ItemStore) -> int:
    """Forget tickets whose order is in the store, left by a crash between the two; returns how many."""
    tickets = [path.stem for path in (items.root / "tickets").glob("*.json")]
    delivered = [key for key in tickets if items.get(key) is not None]
    for key in delivered:
        items.drop_ticket(key)
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


def show(items: ItemStore) -> int:
    count = total = 0
    for key in items.keys():  # noqa: SIM118  (a store is no dict)
        if (item := items.get(key)) is None:
            sys.stdout.write(f"{key[:16]}  damaged\n")
            continue
        size = sum(file.size for file in item.files.values())
        names = ", ".join(item.files) or f"refused: {item.record.get('refusal', {}).get('reason', '?')}"
        sys.stdout.write(f"{key[:16]}  {size:>10}  {names}\n")
        count, total = count + 1, total + size
    sys.stdout.write(f"{count} items, {total / 1e6:.1f} MB in {items.root}\n")
    return 0


def verify(items: ItemStore) -> int:
    damaged = items.verify()
    for key in damaged:
        sys.stdout.write(f"{key}  damaged: it will be made again when it is needed\n")
    sys.stdout.write(f"{len(damaged)} damaged items\n")
    return 1 if damaged else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except LikenessError as error:
        sys.stderr.write(f"\nitems: {error}\n")
        raise SystemExit(1) from error
