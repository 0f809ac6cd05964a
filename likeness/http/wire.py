# pyright: reportUnknownMemberType=false
# httpx's Auth flow is a generator that pyright cannot follow.
"""One exchange over httpx, bounded in time and bytes, with the key out of sight."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from likeness.errors import AuthError
from likeness.http.answers import Reply
from likeness.http.gate import Limits
from likeness.http.sockets import Address, ForbiddenAddressError, Sockets, Transport

MB = 1_000_000

# What httpx raises before a request has gone out whole.
UNSENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteError, httpx.WriteTimeout,
    httpx.ProxyError, httpx.UnsupportedProtocol, httpx.LocalProtocolError,
)  # fmt: skip


class UnsentError(Exception):
    """The request has not gone out whole: nobody can have carried it out."""


class UnansweredError(Exception):
    """The request has gone out, and no whole answer came."""


@dataclass(frozen=True, kw_only=True)
class Auth:
    """A key: `header: {scheme}{$env}`. It is read from the environment for each request and kept nowhere."""

    header: str
    scheme: str
    env: str


class Key(httpx.Auth):
    """Puts the key into the headers inside httpx, so that no variable of ours holds it."""

    def __init__(self, auth: Auth, name: str) -> None:
        self._auth = auth
        value = os.environ.get(auth.env, "").strip()
        problem = "is not set" if not value else "" if _fits_a_header(value) else "does not look like a key"
        del value
        if problem:
            raise AuthError(
                f"{name}: the variable {auth.env} {problem}",
                reason="no-key",
                remedy=f"export {auth.env}=... with the key of your account",
            )

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._auth.header] = self._auth.scheme + os.environ[self._auth.env].strip()
        yield request


class Wire:
    """Kept connections to whatever addresses `may_reach` allows; safe for many threads."""

    def __init__(
        self, limits: Limits, *, may_reach: Callable[[Address], bool] | None = None, proxy_for: str = ""
    ) -> None:
        self._limits, self._sockets = limits, Sockets(may_reach)
        kept = httpx.Limits(max_connections=limits.in_flight, max_keepalive_connections=limits.in_flight)
        self._client = httpx.Client(
            transport=Transport(self._sockets, kept, proxy_for),
            follow_redirects=False,
            timeout=httpx.Timeout(
                connect=limits.connect_s, write=limits.write_s, read=limits.read_s, pool=limits.connect_s
            ),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(
        self, method: str, url: str, *, max_bytes: float, content: bytes | None = None, key: Key | None = None
    ) -> Reply:
        """Send one request and read its whole answer.

        Raises:
            UnsentError, UnansweredError: as they say.
            ForbiddenAddressError: nothing was sent.
        """
        limits = self._limits
        headers = {} if content is None else {"content-type": "application/json"}
        self._sockets.end_after(limits.connect_s + limits.write_s + limits.read_s)
        with _told(), self._client.stream(method, url, content=content, headers=headers, auth=key) as answer:
            self._sockets.end_after(limits.read_s)
            body = _body(answer, max_bytes)
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status_code, names, body)


@contextmanager
def _told() -> Generator[None, None, None]:
    """httpx's errors as ours, raised when theirs are out of sight: they hold the request and its key."""
    problem: Exception | None = None
    try:
        yield
    except ForbiddenAddressError as error:
        problem = ForbiddenAddressError(str(error))
    except UNSENT as error:
        problem = UnsentError(f"{type(error).__name__}: {error}")
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        problem = UnansweredError(f"{type(error).__name__}: {error}")
    if problem is not None:
        raise problem


def _body(answer: httpx.Response, max_bytes: float) -> bytes:
    """The whole body, bounded: a length may lie, and a body may never end or unfold to more than it was."""
    pieces: list[bytes] = []
    size = 0
    for piece in answer.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise UnansweredError(f"the answer is longer than {max_bytes / MB:g} MB")
    return b"".join(pieces)


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
