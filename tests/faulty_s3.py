"""An object store that fails: a proxy on this machine before a real S3 server, which damages the requests that a test names."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[[str, str], str | None]
"""What befalls a request of this method and path: None, or one of FAULTS."""
FAULTS = ("cut", "half", "answer-lost", "403", "503", "gone", "silent", "keys-refused", "public")
ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"
CODES = {"403": "AccessDenied", "503": "SlowDown", "gone": "NoSuchKey"}
KEYS_REFUSED = (
    "<?xml version='1.0'?><DeleteResult><Error><Key>x</Key><Code>InternalError</Code></Error></DeleteResult>"
)
HOP = ("connection", "transfer-encoding", "content-length")


class FaultyS3:
    """`fault` decides about each request; `seen` holds all of them. A `silent` one has no answer until `released`
    is set."""

    def __init__(self, port: int) -> None:
        self.fault: Fault = lambda _method, _path: None
        self.seen: list[tuple[str, str, str | None]] = []
        self.released, self.waiting = threading.Event(), threading.Event()
        self.written: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def always(self, kind: str, method: str, *, end: str = "") -> None:
        """Damage every request of this method to a path with this end."""
        self.fault = lambda one, path: (
            kind if one == method and path.partition("?")[0].endswith(end) else None
        )

    def once(self, kind: str, method: str) -> None:
        """Damage the next request of this method."""
        left = [kind]
        self.fault = lambda one, _path: left.pop() if one == method and left else None

    def heal(self) -> None:
        """Hand everything on again."""
        self.fault = lambda _method, _path: None
        self.released.set()

    def close(self) -> None:
        """Close it."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, port: int) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # whoever asked is gone
                    self.close_connection = True

            def _serve(self) -> None:
                kind = proxy.fault(self.command, self.path)
                proxy.seen.append((self.command, self.path, kind))
                if kind == "silent":
                    proxy.waiting.set()
                    proxy.released.wait()
                if kind == "cut":
                    return self._hang_up()
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if kind == "public" and "authorization" not in self.headers:
                    return self._answer(200, proxy.written.get(self.path, b""), {})
                if self.command == "PUT":
                    proxy.written[self.path] = body
                if kind in CODES:
                    return self._answer(
                        404 if kind == "gone" else int(kind), ERROR.format(code=CODES[kind]).encode(), {}
                    )
                if kind == "keys-refused":
                    return self._answer(200, KEYS_REFUSED.encode(), {"content-type": "application/xml"})
                if kind == "half" and self.command == "PUT":
                    self._half(body)
                    return self._hang_up()
                status, headers, data = self._ask(body)
                if kind == "answer-lost":
                    return self._hang_up()
                self._answer(status, data, headers, half=kind == "half")

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

            def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                upstream = http.client.HTTPConnection("127.0.0.1", port)
                upstream.request(self.command, self.path, body, dict(self.headers.items()))
                answer = upstream.getresponse()
                found = answer.status, dict(answer.getheaders()), answer.read()
                upstream.close()
                return found

            def _half(self, body: bytes) -> None:
                upstream = http.client.HTTPConnection("127.0.0.1", port)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    upstream.putheader(name, value)
                upstream.endheaders()
                upstream.send(body[: len(body) // 2])
                upstream.close()

            def _answer(
                self, status: int, data: bytes, headers: dict[str, str], *, half: bool = False
            ) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                length = {name.lower(): value for name, value in headers.items()}.get(
                    "content-length", str(len(data))
                )
                self.send_header("content-length", length if self.command == "HEAD" else str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[: len(data) // 2] if half else data)
                if half:
                    self._hang_up()

            def _hang_up(self) -> None:
                self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


@contextmanager
def faulty(port: int) -> Iterator[FaultyS3]:
    """Such a proxy before the server on this port."""
    proxy = FaultyS3(port)
    try:
        yield proxy
    finally:
        proxy.close()
