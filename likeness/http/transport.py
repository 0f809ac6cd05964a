"""One exchange over httpx, bounded in time, bytes and addresses, over connections that are kept, the key out of sight."""

import logging
import ssl
import threading
import traceback
import zlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from likeness.http.rate_limit import Limits
from likeness.http.responses import Response
from likeness.http.sockets import Address, Sockets, is_loopback

MB = 1_000_000

KEEP_ALIVE_S = 4.0
"""An idle connection is used again for so long: Node.js and uvicorn close theirs after 5 s, others later."""

# What a path may hold as it is; the rest of a vendor's job id is escaped.
PATH_LETTERS = "/%?&=:@+,;~!*'()$-._"

UNCONNECTED = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.ProxyError)
UNSENT = (
    httpcore.PoolTimeout, httpcore.WriteError, httpcore.WriteTimeout, httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError, httpx.InvalidURL,
)  # fmt: skip
UNANSWERED = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)

# At DEBUG httpcore repeats what servers say, and a server may repeat the key; httpx tells every URL at INFO, and a
# presigned one is as secret as what it opens.
logging.getLogger("httpcore").setLevel(logging.INFO)
logging.getLogger("httpx").setLevel(logging.WARNING)

Headers = Sequence[tuple[bytes, bytes]]


class UnsentError(Exception):
    """The request has not gone out whole: nobody can have carried it out."""


class UnconnectedError(UnsentError):
    """Nobody took the connection."""


class UnansweredError(Exception):
    """The request has gone out, and no whole answer came."""


class Transport:
    """Kept connections to whatever addresses `may_reach` allows, through the proxy that the environment names for
    `proxy_for`; safe for many threads."""

    def __init__(
        self, limits: Limits, *, may_reach: Callable[[Address], bool] | None = None, proxy_for: str = ""
    ) -> None:
        self._limits, self._sockets, self._proxy_for = limits, Sockets(may_reach), proxy_for
        self._lock = threading.Lock()
        self._opened: httpcore.ConnectionPool | None = None
        phases = {"connect": limits.connect_s, "write": limits.write_s, "read": limits.read_s}
        self._timeout = {"timeout": {**phases, "pool": limits.connect_s}}

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()

    def _pool(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._opened is None:  # not in a run that asks for nothing
                self._opened = httpcore.ConnectionPool(
                    ssl_context=authorities(),
                    proxy=_proxy(self._proxy_for),
                    max_connections=self._limits.in_flight,
                    max_keepalive_connections=self._limits.in_flight,
                    keepalive_expiry=KEEP_ALIVE_S,
                    network_backend=self._sockets,
                )
            return self._opened

    def ask(
        self,
        method: str,
        url: str,
        headers: Callable[[], Headers],
        content: bytes | None,
        *,
        max_bytes: float,
    ) -> Response:
        """Send one request and read its whole answer; `headers` is called when they are needed.

        Raises:
            UnsentError, UnansweredError: as they say.
            ForbiddenAddressError: nothing was sent.
        """
        limits, parts = self._limits, urlsplit(url)
        escaped = parts._replace(
            path=quote(parts.path or "/", PATH_LETTERS), query=quote(parts.query, PATH_LETTERS)
        )
        self._sockets.end_after(limits.connect_s + limits.write_s + limits.read_s)
        # The pool itself, not httpx.Client: it has no place for Sockets, and cookies, redirects and decoding are not wanted.
        # The headers are in no variable: they hold the key.
        with _errors_as_ours():
            to = httpx.URL(escaped.geturl())
            with self._pool().stream(
                method,
                httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path),
                headers=[(b"host", to.netloc), (b"accept-encoding", b"identity"), *headers()],
                content=content,
                extensions=self._timeout,
            ) as answer:
                self._sockets.end_after(limits.read_s)
                names = dict(httpx.Headers(answer.headers))
                return Response(answer.status, names, _body(answer.iter_stream(), names, max_bytes))


@cache
def authorities() -> ssl.SSLContext:
    """Whose certificates hold; read once a process, which takes 30 ms."""
    return httpx.create_ssl_context()


def _proxy(url: str) -> httpcore.Proxy | None:
    """The proxy that the environment names for this URL (HTTPS_PROXY, NO_PROXY)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    found = getproxies().get(parts.scheme)
    if not found or is_loopback(host) or proxy_bypass(host):
        return None
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    auth = (unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None
    return httpcore.Proxy(proxy.geturl(), auth=auth)


@contextmanager
def _errors_as_ours() -> Generator[None]:
    """httpcore's errors as ours, raised when theirs are out of sight: they and their frames hold the headers and the
    key."""
    problem: Exception | None = None
    try:
        yield
    except UNCONNECTED as error:
        problem = UnconnectedError(f"{type(error).__name__}: {error}".rstrip(": "))
    except UNSENT as error:
        problem = UnsentError(f"{type(error).__name__}: {error}".rstrip(": "))
    except UNANSWERED as error:
        problem = UnansweredError(f"{type(error).__name__}: {error}".rstrip(": "))
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        raise
    if problem is not None:
        raise problem


def _body(pieces: Iterable[bytes], headers: Mapping[str, str], max_bytes: float) -> bytes:
    """The whole body, bounded: a length may lie, and a body may never end or unfold to more than it was."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise UnansweredError(f"the answer is longer than {max_bytes / MB:g} MB")
    body, coding = b"".join(parts), headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise UnansweredError(f"the answer is encoded as {coding[:20]!r}, which likeness did not request")
    unfolding = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        body = unfolding.decompress(body, int(max_bytes) + 1)
    except zlib.error:
        body = b""
    if not unfolding.eof or len(body) > max_bytes:
        raise UnansweredError(f"the answer is not {coding} of at most {max_bytes / MB:g} MB")
    return body
