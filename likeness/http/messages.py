"""A server's messages over a websocket while it works. Nothing depends on them: a lost line is silence, and the
caller also polls."""

import contextlib
import logging
import threading
import time
from typing import Self
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from likeness.http.auth import Auth
from likeness.http.rate_limit import Limits
from likeness.http.sockets import is_loopback
from likeness.http.transport import MB

# At DEBUG it repeats headers, and the key is one.
logging.getLogger("websockets.client").setLevel(logging.WARNING)


class Messages:
    """The text messages of `path`; for one thread."""

    def __init__(
        self, base_url: str, path: str, *, auth: Auth | None, limits: Limits, stop: threading.Event
    ) -> None:
        parts = urlsplit(base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        self._url = parts._replace(scheme=scheme, path=parts.path.rstrip("/")).geturl() + path
        self._proxied = not is_loopback(parts.hostname)
        self._auth, self._limits, self._stop = auth, limits, stop
        self._line: ClientConnection | None = None
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError, WebSocketException, ValueError, EOFError):
            lines = [] if self._auth is None else [self._auth.line("websocket")]
            opening = connect(
                self._url,
                additional_headers=[(name.decode(), value.decode()) for name, value in lines],
                compression=None,  # what unfolds to more than it was is not asked for
                proxy=True if self._proxied else None,
                open_timeout=self._limits.connect_s,
                close_timeout=1,
                max_size=int(self._limits.max_response_mb * MB),
            )
            self._line = self._open.enter_context(opening)
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def next(self, timeout_s: float) -> str | None:
        """The next message; None when none came in time, the line is lost, or the run is to end.

        Always waits the whole time when there is nothing to hear, so that a loop around it does not spin.
        """
        until = time.monotonic() + timeout_s
        while self._line is not None and (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            try:
                message = self._line.recv(timeout=min(left, 0.5))
            except TimeoutError:
                continue
            except (OSError, WebSocketException, EOFError):
                self._hang_up()
                break
            if isinstance(message, str):  # bytes are pictures on their way
                return message
        self._stop.wait(max(0.0, until - time.monotonic()))
        return None

    def _hang_up(self) -> None:
        self._line = None
        with contextlib.suppress(OSError, WebSocketException, EOFError):
            self._open.close()
