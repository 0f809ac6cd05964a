"""Pending orders: what a provider gave for an undelivered order, and the lock that lets one process at a time buy an
item."""

import contextlib
import fcntl
import json
import os
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from likeness.disk import write_atomic


class Orders:
    """Orders by the keys of the items, one file each in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self) -> Iterator[str]:
        """The keys of items that are ordered."""
        return (path.stem for path in self._folder.glob("*.json"))

    def pending(self, key: str) -> dict[str, Any] | None:
        """What is known of an order of the item that was accepted and not delivered yet."""
        try:
            return json.loads(self._path(key).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep(self, key: str, order: Mapping[str, Any]) -> None:
        """Remember an order before anything else happens to it: after a crash it is asked for, not bought again."""
        write_atomic(self._path(key), json.dumps(dict(order), sort_keys=True).encode())

    def drop(self, key: str) -> None:
        """Forget an order that was delivered or lost."""
        self._path(key).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, key: str) -> Generator[None, None, None]:
        """One thread of one process at a time works on this item; others wait, also for a process that
        outlives a killed run. The lock goes with its holder, however that ends."""
        path = self._path(key).with_suffix(".lock")
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            with path.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _same_file(file.fileno(), path):  # else the holder before us has removed it
                    try:
                        yield
                    finally:
                        path.unlink()
                    return

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
