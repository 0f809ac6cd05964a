"""A provider's API: connections are kept, rates held, faults that may pass are tried again, money is never in doubt
without saying so."""

import random
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import orjson

from likeness.errors import (
    ConfigError,
    InDoubtError,
    JobLostError,
    LikenessError,
    RejectedError,
    TransientError,
)
from likeness.http.auth import Auth
from likeness.http.rate_limit import Limits, RateLimiter
from likeness.http.responses import REDIRECTS, Reply, Translate, clean, problem_of, problem_of_file
from likeness.http.sockets import ForbiddenAddressError, is_loopback, is_public
from likeness.http.transport import MB, Headers, Transport, UnansweredError, UnsentError
from likeness.store.items import Json

MAX_REDIRECTS = 3
JSON_HEADERS = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
AGAIN = "run `dvc repro` again"


class Client:
    """One provider's API; safe for many threads. Nothing is sent before the first request, nor after `stop` is set."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: Auth | None,
        limits: Limits,
        stop: threading.Event,
        translate: Translate | None = None,
    ) -> None:
        if not _is_address(base_url) or urlsplit(base_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"{name}: base_url {base_url!r} is not an http address", remedy="correct it in conf/"
            )
        self._name, self._base, self._auth, self._limits = name, base_url.rstrip("/"), auth, limits
        self._translate = translate
        self._at_home = is_loopback(urlsplit(base_url).hostname)
        self._gate = RateLimiter(limits, stop)
        self._lock = threading.Lock()
        self._wires: dict[str, Transport] = {}

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
        """A question; asked again after every fault that may pass.

        Raises:
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
            AuthError, QuotaError, RejectedError: the provider refuses.
        """
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
        # Not the path or the query: a signature may be in them.
        what = f"{self._name}: result at {urlsplit(url).hostname if _is_address(url) else 'no address'}"

        def ask() -> Reply:
            where = url
            for _ in range(MAX_REDIRECTS + 1):
                self._check(where, what)
                reply = self._wire("files").ask("GET", where, lambda: (), None, max_bytes=max_mb * MB)
                if reply.status not in REDIRECTS or "location" not in reply.headers:
                    return reply
                where = urljoin(where, reply.headers["location"])
            raise RejectedError(f"{what} is redirected more than {MAX_REDIRECTS} times", reason="redirected")

        def problem(reply: Reply) -> LikenessError:
            return problem_of_file(reply, f"{what} answered {reply.status}")

        return self._tried(what, ask, problem, safe=True, tokens=0).body

    def _call(self, method: str, path: str, content: bytes | None, *, safe: bool, tokens: int) -> Reply:
        what = f"{self._name}: {method} {path}"
        if self._auth is not None:
            self._auth.check(self._name)

        def headers() -> Headers:
            return JSON_HEADERS if self._auth is None else (*JSON_HEADERS, self._auth.line(self._name))

        def ask() -> Reply:
            max_bytes = self._limits.max_response_mb * MB
            reply = self._wire("api").ask(method, self._base + path, headers, content, max_bytes=max_bytes)
            try:
                return reply.parsed() if reply.fine else reply.without(self._hide)
            except ValueError:
                raise UnansweredError(f"the answer is not JSON: {reply.body[:40]!r}") from None

        def problem(reply: Reply) -> LikenessError:
            words = clean(reply.body.decode("utf-8", "replace"))
            told = f"{what} answered {reply.status}" + (f": {words}" if words else "")
            said = None if self._translate is None else self._translate(reply)
            return said or problem_of(reply, told, key=self._auth.env if self._auth else None)

        return self._tried(what, ask, problem, safe=safe, tokens=tokens)

    def _tried(
        self,
        what: str,
        ask: Callable[[], Reply],
        problem: Callable[[Reply], LikenessError],
        *,
        safe: bool,
        tokens: int,
    ) -> Reply:
        attempt = 1
        while isinstance(
            answer := self._attempt(what, ask, problem, safe=safe, tokens=tokens), TransientError
        ):
            if attempt == self._limits.attempts or isinstance(answer, InDoubtError | JobLostError):
                raise answer
            # Full jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter): no waves of retries.
            most = min(self._limits.backoff_max_s, self._limits.backoff_s * 2 ** (attempt - 1))
            self._gate.sleep(random.uniform(0, most))
            attempt += 1
        return answer

    def _attempt(
        self,
        what: str,
        ask: Callable[[], Reply],
        problem: Callable[[Reply], LikenessError],
        *,
        safe: bool,
        tokens: int,
    ) -> Reply | TransientError:
        """An answer, or the fault that may pass; raises what will not."""
        try:
            with self._gate.one(tokens) as sent_at:
                reply = ask()
        except UnsentError as error:
            told = f"{what}: {clean(self._hide(str(error)))}"
            return TransientError(
                told, reason="no-connection", remedy="check the network and base_url in conf/"
            )
        except UnansweredError as error:
            told = f"{what}: {clean(self._hide(str(error)))}"
            if safe:
                return TransientError(told, reason="no-answer", remedy=AGAIN)
            return InDoubtError(f"{told}; it may have been carried out and billed", remedy=AGAIN)
        except ForbiddenAddressError as error:
            forbidden = str(error)
        else:
            return self._judged(reply, problem, sent_at, safe=safe)
        raise RejectedError(f"{what}: {forbidden}, which is not public", reason="not-public")

    def _judged(
        self, reply: Reply, problem: Callable[[Reply], LikenessError], sent_at: float, *, safe: bool
    ) -> Reply | TransientError:
        if reply.fine:
            self._gate.went_well()
            return reply
        if reply.status == 429:
            self._gate.too_many(sent_at)
        found = problem(reply)
        if not isinstance(found, TransientError):
            raise found
        self._gate.pause(reply.retry_after_s())
        if safe or reply.was_not_done():
            return found
        return InDoubtError(f"{found.message}; it may have been carried out and billed", remedy=found.remedy)

    def _hide(self, words: str) -> str:
        return words if self._auth is None else self._auth.hide(words)

    def _check(self, url: str, what: str) -> None:
        if not _is_address(url):
            raise RejectedError(f"{what}: not an address of a file", reason="bad-url")
        parts = urlsplit(url)
        local = parts.scheme == "http" and self._at_home and is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            raise RejectedError(
                f"{what}: only https is fetched, not {parts.scheme[:20]!r}", reason="not-https"
            )

    def _wire(self, kind: str) -> Transport:
        with self._lock:
            if kind not in self._wires:
                self._wires[kind] = (
                    Transport(self._limits, proxy_for=self._base)
                    if kind == "api"
                    else Transport(
                        self._limits, may_reach=lambda at: is_public(at) or (self._at_home and at.is_loopback)
                    )
                )
            return self._wires[kind]


def _is_address(url: str) -> bool:
    """Whether a URL names a host in plain letters, a port that can be, and nobody's password."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.netloc.isascii() and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
