# pyright: reportUnknownMemberType=false
# httpx's Auth flow is a generator that pyright cannot follow.
"""The one HTTP layer: connections, rates, retries, limits and errors of every remote provider.

Callers are threads, as run_batch has them; one httpx.Client a provider keeps their connections open (measured against
an event loop and against aiohttp: docs/decisions/0009). A request is tried again only for faults that may pass, and
one that costs money only where it was surely not carried out; else it is in doubt, and the till decides.
"""

import email.utils
import ipaddress
import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field

from likeness.errors import (
    AuthError,
    InDoubtError,
    LikenessError,
    ProviderError,
    QuotaError,
    RejectedError,
    TransientError,
)
from likeness.gate import Gate
from likeness.items import Json

MB = 1_000_000
MAX_REDIRECTS = 3
# A vendor's words in an error message.
MAX_WORDS = 300
# Longer waits than this are not honoured: the next run comes sooner.
MAX_RETRY_AFTER_S = 300.0

# Statuses of a request that was surely not carried out, though it may be next time.
NOT_DONE = frozenset({408, 425, 429, 500, 502, 503})
# What httpx raises before a request has gone out whole.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteError, httpx.WriteTimeout)


class Limits(BaseModel):
    """How a provider is used: requests at a time and a minute, seconds a phase, tries of a request, and their
    spacing (full jitter: a random part of backoff_s * 2**n, at most backoff_max_s)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_flight: int = Field(ge=1, le=256)
    requests_per_minute: float | None = Field(gt=0)
    tokens_per_minute: float | None = Field(gt=0)
    connect_s: float = Field(gt=0)
    write_s: float = Field(gt=0)
    read_s: float = Field(gt=0)
    """To the first byte of an answer, and from there to its last."""
    attempts: int = Field(ge=1, le=20)
    backoff_s: float = Field(ge=0)
    backoff_max_s: float = Field(ge=0)
    max_response_mb: float = Field(gt=0)


@dataclass(frozen=True)
class Reply:
    """A whole answer: `headers` by lower-case name; `value` is its JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    value: Json = field(default=None, repr=False)

    def json(self) -> Json:
        """The answer's JSON."""
        return self.value


Translate = Callable[[Reply], LikenessError | None]
"""A vendor's own errors in our words; None where the status says it all."""


@dataclass(frozen=True, kw_only=True)
class Auth:
    """A key: `header: {scheme}{$env}`. It is read from the environment for each request and kept nowhere."""

    header: str
    scheme: str
    env: str


class Client:
    """One provider's API; safe for many threads. Nothing is sent before the first request."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: Auth | None,
        limits: Limits,
        translate: Translate | None = None,
    ) -> None:
        self._name, self._base, self._auth, self._limits = name, base_url.rstrip("/"), auth, limits
        self._translate = translate
        self._gate = Gate(limits.in_flight, limits.requests_per_minute, limits.tokens_per_minute)
        self._lock = threading.Lock()
        self._clients: dict[bool, httpx.Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def get(self, path: str) -> Reply:
        """A question; asked again after every fault that may pass."""
        return self._send("GET", path, None, safe=True, tokens=0)

    def post(self, path: str, body: Json, *, safe: bool, tokens: int = 0) -> Reply:
        """A JSON request; not `safe` when it buys something; `tokens` is what the rate limit counts.

        Raises:
            InDoubtError: not safe, and sent without a whole answer.
            TransientError: it failed as often as the limits allow.
            AuthError, QuotaError, RejectedError: the provider refuses.
        """
        return self._send("POST", path, json.dumps(body).encode(), safe=safe, tokens=tokens)

    def download(self, url: str, *, max_mb: float) -> bytes:
        """A result's bytes, from https at a public address, which is checked on what is connected to; from http on
        this machine when the API is there too. No key is sent.

        Raises:
            RejectedError: the address is not allowed, or the file is gone.
            TransientError: it failed as often as the limits allow.
        """
        what = f"{self._name}: result at {urlsplit(url).hostname}"

        def once() -> Reply:
            where = url
            for _ in range(MAX_REDIRECTS + 1):
                reply = self._fetch(where, what, int(max_mb * MB))
                if reply.status not in (301, 302, 303, 307, 308) or "location" not in reply.headers:
                    return reply
                where = urljoin(where, reply.headers["location"])
            raise RejectedError(f"{what} is redirected more than {MAX_REDIRECTS} times", reason="redirected")

        return self._tried(what, once, safe=True, tokens=0).body

    def _send(self, method: str, path: str, content: bytes | None, *, safe: bool, tokens: int) -> Reply:
        what = f"{self._name}: {method} {path}"
        headers = {"content-type": "application/json", "accept": "application/json"}
        key = None if self._auth is None else _Key(self._auth, self._name)

        def once() -> Reply:
            client = self._client(trust_env=True)
            with (
                _told(what),
                client.stream(
                    method, self._base + path, content=content, headers=headers, auth=key
                ) as response,
            ):
                return _with_json(
                    _read(response, what, self._limits.max_response_mb * MB, self._limits.read_s), what
                )

        return self._tried(what, once, safe=safe, tokens=tokens)

    def _fetch(self, url: str, what: str, max_bytes: int) -> Reply:
        address, parts = self._allowed(url, what), urlsplit(url)
        host = parts.hostname or ""
        at = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        # The checked address is the one connected to: a name that resolves otherwise a moment later changes nothing.
        direct = parts._replace(netloc=f"{at}{port}").geturl()
        with (
            _told(what),
            self._client(trust_env=False).stream(
                "GET", direct, headers={"host": f"{host}{port}"}, extensions={"sni_hostname": host}
            ) as response,
        ):
            return _read(response, what, max_bytes, self._limits.read_s)

    def _allowed(self, url: str, what: str) -> str:
        parts = urlsplit(url)
        local = (
            parts.scheme == "http"
            and _is_loopback(parts.hostname)
            and _is_loopback(urlsplit(self._base).hostname)
        )
        if parts.scheme != "https" and not local:
            raise RejectedError(
                f"{what}: only https is fetched, not {parts.scheme or url[:20]!r}", reason="not-https"
            )
        if parts.username or parts.password or not parts.hostname:
            raise RejectedError(f"{what}: not an address of a file", reason="bad-url")
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            told = str(error)
        else:
            addresses = [str(entry[4][0]) for entry in found]
            if not local and not all(ipaddress.ip_address(address).is_global for address in addresses):
                raise RejectedError(
                    f"{what} is not at a public address ({', '.join(addresses)})", reason="not-public"
                )
            return addresses[0]
        raise TransientError(f"{what} is not found: {told}", reason="no-connection")

    def _tried(self, what: str, once: Callable[[], Reply], *, safe: bool, tokens: int) -> Reply:
        """Calls `once` until it answers; every fault comes as one of ours, without httpx's request in its context."""
        last: TransientError | None = None
        for attempt in range(self._limits.attempts):
            if attempt:
                self._gate.sleep(_jitter(self._limits, attempt))
            try:
                with self._gate.one(tokens):
                    reply = once()
            except _UnsentError as error:
                last = TransientError(f"{what}: {error}", reason="no-connection", remedy="check the network")
                continue
            except _UnansweredError as error:
                last = TransientError(f"{what}: {error}", reason="no-answer", remedy="run `dvc repro` again")
                if safe:
                    continue
                last = InDoubtError(
                    f"{what}: {error}; it may have been carried out and billed",
                    remedy="run `dvc repro` again",
                )
                break
            if 200 <= reply.status < 300:
                self._gate.went_well()
                return reply
            problem = self._problem(reply, what)
            if not isinstance(problem, TransientError):
                raise problem
            if reply.status == 429:
                self._gate.too_many(_retry_after(reply))
            elif not safe and reply.status not in NOT_DONE:
                raise InDoubtError(f"{problem.message}; it may have been carried out", remedy=problem.remedy)
            last = problem
        assert last is not None
        raise last

    def _problem(self, reply: Reply, what: str) -> LikenessError:
        told = None if self._translate is None else self._translate(reply)
        return told or problem_of(reply, what, self._words(reply), self._auth)

    def _words(self, reply: Reply) -> str:
        """What the vendor says of its error, short, printable, and without the key should it repeat it."""
        text = reply.body[: 4 * MAX_WORDS].decode("utf-8", "replace")
        key = os.environ.get(self._auth.env, "").strip() if self._auth else ""
        text = text.replace(key, "***") if key else text
        return "".join(letter if letter.isprintable() else " " for letter in text)[:MAX_WORDS].strip()

    def _client(self, *, trust_env: bool) -> httpx.Client:
        with self._lock:
            if trust_env not in self._clients:
                limits = self._limits
                self._clients[trust_env] = httpx.Client(
                    trust_env=trust_env,
                    follow_redirects=False,
                    timeout=httpx.Timeout(
                        connect=limits.connect_s,
                        write=limits.write_s,
                        read=limits.read_s,
                        pool=limits.connect_s,
                    ),
                    limits=httpx.Limits(
                        max_connections=limits.in_flight, max_keepalive_connections=limits.in_flight
                    ),
                )
            return self._clients[trust_env]


def problem_of(reply: Reply, what: str, words: str, auth: Auth | None) -> ProviderError:
    """The error of a status, where the vendor's own mapping says nothing."""
    told = f"{what} answered {reply.status}: {words}" if words else f"{what} answered {reply.status}"
    if reply.status in (401, 403):
        remedy = f"check {auth.env}" if auth else "the server wants a key: set api_key_env in conf/"
        return AuthError(told, remedy=remedy)
    if reply.status == 402:
        return QuotaError(
            told, reason="credits", remedy="add credit with the provider, then run `dvc repro` again"
        )
    if reply.status == 429:
        return TransientError(
            told, reason="rate-limited", remedy="lower limits.in_flight in conf/, or try again later"
        )
    if reply.status == 408 or reply.status >= 500:
        return TransientError(told, reason="server-error", remedy="run `dvc repro` again later")
    if 300 <= reply.status < 400:
        return RejectedError(
            told, reason="redirected", remedy="check base_url in conf/: redirects are not followed"
        )
    return RejectedError(told, remedy="read the provider's words; the photo or the settings do not suit it")


class _Key(httpx.Auth):
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


class _UnsentError(Exception):
    """The request has not gone out whole."""


class _UnansweredError(Exception):
    """The request has gone out, and no whole answer came."""


@contextmanager
def _told(what: str) -> Generator[None, None, None]:
    """httpx's errors as one of ours, raised when theirs is out of sight: they hold the request and its key."""
    problem: Exception | None = None
    try:
        yield
    except UNSENT as error:
        problem = _UnsentError(f"{type(error).__name__}: {error}")
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        problem = _UnansweredError(f"{type(error).__name__}: {error}")
    if problem is not None:
        raise problem


def _read(response: httpx.Response, what: str, max_bytes: float, read_s: float) -> Reply:
    """The whole body, bounded in bytes and in time: a length may lie, and a body may drip or never end."""
    deadline = time.monotonic() + read_s
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise _UnansweredError(f"the answer is longer than {max_bytes / MB:g} MB")
        if time.monotonic() > deadline:
            raise _UnansweredError(f"the answer is not complete after {read_s:g} s")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, b"".join(pieces))


def _with_json(reply: Reply, what: str) -> Reply:
    if not 200 <= reply.status < 300:
        return reply
    try:
        value: Any = json.loads(reply.body)
    except ValueError:
        raise _UnansweredError(f"the answer is not JSON: {reply.body[:40]!r}") from None
    return Reply(reply.status, reply.headers, reply.body, value)


def _jitter(limits: Limits, attempt: int) -> float:
    """Full jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter): retries don't come in waves."""
    return random.uniform(0, min(limits.backoff_max_s, limits.backoff_s * 2 ** (attempt - 1)))


def _retry_after(reply: Reply) -> float:
    """Seconds to wait by Retry-After (a number or a date), 0 where it says nothing."""
    value = reply.headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError):
            seconds = 0.0
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else 0.0


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _fits_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
