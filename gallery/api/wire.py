"""What stands before the application: bytes that two readers may read in two ways get 400 and the end of the connection, and
who keeps a request open is let go.

The reader is named here, and is not whichever is installed: llhttp, which Node.js has, too, whose program stands before this one.
It refuses what leaves open where a request ends; a request that is hidden in another one's body is not carried out. The rest is below.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32 * 1024
"""Of a request's line and headers; of what is neither, nor a body, as much may come between two pieces of a body."""
WHOLE_SECONDS = 25.0
"""Until a request is whole; the application says in words that a body is late (limits.py), which is sooner."""
STREAMS_SECONDS = 3
"""A stream of events would last for minutes; the browser comes again by itself."""


class Wire(HttpToolsProtocol):
    """One connection."""

    _unread = 0
    _in_body = False
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Too long.")

    def on_message_begin(self) -> None:
        self._in_body = False
        self._wait()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after a body is no header, though a proxy before us looked at headers alone.
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_body, self._unread = True, 0
        self._check()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        self._wait_no_more()
        super().on_message_complete()

    def _check(self) -> None:
        """Raises ValueError, which the reader takes for bytes that it cannot read: 400."""
        assert self.parser is not None
        version = self.parser.get_http_version()
        hosts = [value for name, value in self.headers if name == b"host"]
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if version not in ("1.0", "1.1"):
            raise ValueError("another protocol")
        if len(hosts) > 1 or (not hosts and version == "1.1"):
            raise ValueError("no host, or two")
        if codings not in ([], [b"chunked"]):
            raise ValueError("a body in a coding that nobody here undoes")
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
            raise ValueError("too long")

    def _wait(self) -> None:
        self._wait_no_more()
        self._late = self.loop.call_later(WHOLE_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


SERVING: dict[str, Any] = {
    "http": Wire, "ws": "none", "log_level": "warning", "server_header": False, "timeout_graceful_shutdown": STREAMS_SECONDS,
}  # fmt: skip
"""For uvicorn."""
