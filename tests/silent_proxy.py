"""A network that goes silent: a proxy before a database, which drops every byte from then on and closes nothing."""

import socket
import threading
from contextlib import suppress

CHUNK = 65536


class SilentProxy:
    """Listens on a port of this machine and hands bytes on to a Unix socket until it is told to be silent."""

    def __init__(self, target: str) -> None:
        self._target, self._silent = target, threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def go_silent(self) -> None:
        """Drop what comes, in both directions; connections stay open, new ones get no answer."""
        self._silent.set()

    def close(self) -> None:
        """Close all of it."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=(source, target), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if not self._silent.is_set():
                    target.sendall(data)
            if not self._silent.is_set():
                target.shutdown(socket.SHUT_WR)
