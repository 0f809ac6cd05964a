"""A provider's API: connections are kept, rates held, faults that may pass are tried again, and money is never in
doubt without saying so.

Callers are threads, as run_batch has them (docs/decisions/0009 has the measurements against an event loop).
"""

import os
import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit

import orjson

from likeness.errors import InDoubtError, LikenessError, RejectedError, TransientError
from likeness.http.answers import NOT_DONE, Reply, Translate, clean, problem_of, retry_after_s
from likeness.http.gate import Gate, Limits
from likeness.http.sockets import ForbiddenAddressError, is_loopback, is_public
from likeness.http.wire import MB, Auth, Key, UnansweredError, UnsentError, Wire
from likeness.items import Json

MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
AGAIN = "run `dvc repro` again"


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
        self._at_home = is_loopback(urlsplit(base_url).hostname)
        self._gate = Gate(limits.in_flight, limits.requests_per_minute, limits.tokens_per_minute)
        self._lock = threading.Lock()
        self._wires: dict[str, Wire] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            for wire in self._wires.values():
                wire.close()
            self._wires.clear()

    def get(self, path: str) -> Reply:
        """A question; asked again after every fault that may pass. Raises as `post`."""
        return self._call("GET", path, None, safe=True, tokens=0)

    def post(self, path: str, body: Json, *, safe: bool, tokens: int = 0) -> Reply:
        """A JSON request; not `safe` when it buys something; `tokens` is what the rate limit counts.

        Raises:
            InDoubtError: not safe, and sent without a whole answer.
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
            AuthError, QuotaError, RejectedError: the provider refuses.
        """
        return self._call("POST", path, orjson.dumps(body), safe=safe, tokens=tokens)

    def download(self, url: str, *, max_mb: float) -> bytes:
        """A result's bytes, from https at a public address, which is checked on what is connected to; from this machine
        when the API is there too. No key is sent.

        Raises:
            RejectedError: the address is not allowed, or the file is gone.
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
        """
        what = f"{self._name}: result at {urlsplit(url).hostname}"

        def ask() -> Reply:
            where = url
            for _ in range(MAX_REDIRECTS + 1):
                self._check(where, what)
                reply = self._wire("files").ask("GET", where, max_bytes=max_mb * MB)
                if reply.status not in REDIRECTS or "location" not in reply.headers:
                    return reply
                where = urljoin(where, reply.headers["location"])
            raise RejectedError(f"{what} is redirected more than {MAX_REDIRECTS} times", reason="redirected")

        return self._tried(what, ask, safe=True, tokens=0).body

    def _call(self, method: str, path: str, content: bytes | None, *, safe: bool, tokens: int) -> Reply:
        what = f"{self._name}: {method} {path}"
        key = None if self._auth is None else Key(self._auth, self._name)

        def ask() -> Reply:
            max_bytes = self._limits.max_response_mb * MB
            reply = self._wire("api").ask(
                method, self._base + path, content=content, key=key, max_bytes=max_bytes
            )
            return _with_json(reply) if 200 <= reply.status < 300 else reply

        return self._tried(what, ask, safe=safe, tokens=tokens)

    def _tried(self, what: str, ask: Callable[[], Reply], *, safe: bool, tokens: int) -> Reply:
        """Asks until there is an answer, as often as the limits allow."""
        for attempt in range(1, self._limits.attempts + 1):
            found = self._attempt(what, ask, safe=safe, tokens=tokens)
            if isinstance(found, Reply):
                return found
            if attempt == self._limits.attempts or isinstance(found, InDoubtError):
                raise found
            # Full jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter): no waves of retries.
            most = min(self._limits.backoff_max_s, self._limits.backoff_s * 2 ** (attempt - 1))
            self._gate.sleep(random.uniform(0, most))
        raise AssertionError("limits.attempts is at least 1")

    def _attempt(
        self, what: str, ask: Callable[[], Reply], *, safe: bool, tokens: int
    ) -> Reply | TransientError:
        """An answer, or the fault that may pass; raises what will not."""
        forbidden = ""
        try:
            with self._gate.one(tokens):
                reply = ask()
        except UnsentError as error:
            return TransientError(
                f"{what}: {error}", reason="no-connection", remedy="check the network and base_url"
            )
        except UnansweredError as error:
            if safe:
                return TransientError(f"{what}: {error}", reason="no-answer", remedy=AGAIN)
            return InDoubtError(f"{what}: {error}; it may have been carried out and billed", remedy=AGAIN)
        except ForbiddenAddressError as error:
            forbidden = str(error)
        else:
            return self._judged(reply, what, safe=safe)
        raise RejectedError(f"{what}: {forbidden}, which is not public", reason="not-public")

    def _judged(self, reply: Reply, what: str, *, safe: bool) -> Reply | TransientError:
        if 200 <= reply.status < 300:
            self._gate.went_well()
            return reply
        if reply.status == 429:
            self._gate.too_many(retry_after_s(reply))
        problem = self._problem(reply, what)
        if not isinstance(problem, TransientError):
            raise problem
        if safe or reply.status in NOT_DONE:
            return problem
        return InDoubtError(
            f"{problem.message}; it may have been carried out and billed", remedy=problem.remedy
        )

    def _problem(self, reply: Reply, what: str) -> LikenessError:
        env = None if self._auth is None else self._auth.env
        words = clean(reply.body, os.environ.get(env, "").strip() if env else "")
        told = None if self._translate is None else self._translate(reply)
        return told or problem_of(reply, what, words, env)

    def _check(self, url: str, what: str) -> None:
        parts = _parts(url)
        if parts is None:
            raise RejectedError(f"{what}: not an address of a file", reason="bad-url")
        at_home = parts.scheme == "http" and self._at_home and is_loopback(parts.hostname)
        if parts.scheme != "https" and not at_home:
            raise RejectedError(
                f"{what}: only https is fetched, not {parts.scheme[:20]!r}", reason="not-https"
            )

    def _wire(self, kind: str) -> Wire:
        with self._lock:
            if kind not in self._wires:
                self._wires[kind] = (
                    Wire(self._limits, proxy_for=self._base)
                    if kind == "api"
                    else Wire(
                        self._limits, may_reach=lambda at: is_public(at) or (self._at_home and at.is_loopback)
                    )
                )
            return self._wires[kind]


def _parts(url: str) -> SplitResult | None:
    """A URL that names a host and nobody's password."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and not parts.username and not parts.password and parts.port != 0
    except ValueError:
        return None
    return parts if named else None


def _with_json(reply: Reply) -> Reply:
    try:
        return Reply(reply.status, reply.headers, reply.body, orjson.loads(reply.body))
    except ValueError:
        raise UnansweredError(f"the answer is not JSON: {reply.body[:40]!r}") from None
