"""A provider's API: keeps connections, holds rates, retries transient faults, and never leaves money in doubt without
saying so."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

import orjson
import tenacity

from likeness.errors import (
    ConfigError,
    InDoubtError,
    JobLostError,
    LikenessError,
    RejectedError,
    TransientError,
    UnreachableError,
)
from likeness.http.auth import Auth
from likeness.http.keys import check_place
from likeness.http.rate_limit import STOPPED, Limits, RateLimiter
from likeness.http.responses import REDIRECTS, Response, Translate, clean, problem_of, problem_of_file
from likeness.http.sockets import Address, ForbiddenAddressError, is_address, is_loopback, is_public
from likeness.http.transport import (
    MB,
    Headers,
    Transport,
    UnansweredError,
    UnconnectedError,
    UnsentError,
)
from likeness.store.items import Json

MAX_REDIRECTS = 3
JSON_HEADERS = ((b"content-type", b"application/json"), (b"accept", b"application/json"))
AGAIN = "run `dvc repro` again"
UNREACHED = "see that the server runs, and check the network and base_url in conf/; then run it again"


@dataclass(frozen=True)
class _Call:
    """One request, what an error calls it, and what a refusal of it means."""

    what: str
    ask: Callable[[], Response]
    problem: Callable[[Response], LikenessError]
    safe: bool
    tokens: int


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
        if not is_address(base_url) or urlsplit(base_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"{name}: base_url {base_url!r} is not an http address", remedy="correct it in conf/"
            )
        check_place(name, base_url, auth.env if auth else None, hosts=auth.hosts if auth else ())
        self._name, self._base, self._auth, self._limits = name, base_url.rstrip("/"), auth, limits
        self._translate = translate
        self._at_home = is_loopback(urlsplit(base_url).hostname)
        self._reached = False
        self._rates = RateLimiter(limits, stop)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_pass),
            stop=tenacity.stop_after_attempt(limits.attempts),
            # Full jitter (aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter): no waves of retries.
            wait=tenacity.wait_random_exponential(multiplier=limits.backoff_s, max=limits.backoff_max_s),
            sleep=self._rates.sleep,
            reraise=True,
        )
        self._api = Transport(limits, proxy_for=base_url)
        self._files = Transport(limits, may_reach=self._may_hold_files)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._files.close()

    def get(self, path: str) -> Response:
        """A question; asked again after every fault that may pass.

        Raises:
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
            AuthError, QuotaError, RejectedError: the provider refuses.
        """
        return self._call("GET", path)

    def post(self, path: str, body: Json, *, safe: bool, tokens: int = 0) -> Response:
        """A JSON request; not `safe` when it buys something; `tokens` is what the rate limit counts.

        Raises:
            InDoubtError: not safe, and sent without a whole answer.
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
            AuthError, QuotaError, RejectedError: the provider refuses.
        """
        return self._call("POST", path, orjson.dumps(body), safe=safe, tokens=tokens)

    def delete(self, path: str) -> None:
        """End something; asked again, and raises, as `get`."""
        self._call("DELETE", path)

    def file(self, path: str, *, max_mb: float) -> bytes:
        """The bytes of a file that the API itself serves, asked for as `get` asks; raises as `get` does."""
        return self._call("GET", path, file_mb=max_mb).body

    def download(self, url: str, *, max_mb: float) -> bytes:
        """A result's bytes, from https at a public address, which is checked on what is connected to; from this machine
        when the API is there too. No key is sent.

        Raises:
            RejectedError: the address is not allowed, or the file is gone.
            TransientError: it failed as often as the limits allow, or the run is to end (`stopped`).
        """
        # Not the path or the query: a signature may be in them.
        what = f"{self._name}: result at {urlsplit(url).hostname if is_address(url) else 'no address'}"

        def ask() -> Response:
            where = url
            for _ in range(MAX_REDIRECTS + 1):
                self._check(where, what)
                response = self._files.ask("GET", where, lambda: (), None, max_bytes=max_mb * MB)
                if response.status not in REDIRECTS or "location" not in response.headers:
                    return response
                where = urljoin(where, response.headers["location"])
            raise RejectedError(f"{what} is redirected more than {MAX_REDIRECTS} times", reason="redirected")

        def problem(response: Response) -> LikenessError:
            return problem_of_file(response, f"{what} answered {response.status}")

        return self._retrying(self._attempt, _Call(what, ask, problem, safe=True, tokens=0)).body

    def _call(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        safe: bool = True,
        tokens: int = 0,
        file_mb: float | None = None,
    ) -> Response:
        what, auth = f"{self._name}: {method} {path}", self._auth
        if auth is not None:
            auth.check(self._name)

        def headers() -> Headers:
            return JSON_HEADERS if auth is None else (*JSON_HEADERS, auth.line(self._name))

        def ask() -> Response:
            max_bytes = (file_mb or self._limits.max_response_mb) * MB
            response = self._api.ask(method, self._base + path, headers, content, max_bytes=max_bytes)
            if response.fine and file_mb is not None:
                return response
            try:
                return response.parsed() if response.fine else response.without(self._hide)
            except ValueError:
                raise UnansweredError(f"the answer is not JSON: {response.body[:40]!r}") from None

        def problem(response: Response) -> LikenessError:
            told = f"{what} answered {response.status}" + (f": {response.words}" if response.words else "")
            said = None if self._translate is None else self._translate(response)
            return said or problem_of(response, told, key=auth.env if auth else None)

        return self._retrying(self._attempt, _Call(what, ask, problem, safe=safe, tokens=tokens))

    def _attempt(self, call: _Call) -> Response:
        failure: LikenessError | None
        try:
            with self._rates.one(call.tokens) as sent_at:
                response = call.ask()
        except UnsentError as error:
            alone = isinstance(error, UnconnectedError) and not self._reached
            kind = UnreachableError if alone else TransientError
            failure = kind(self._told(call, error), reason="no-connection", remedy=UNREACHED)
        except UnansweredError as error:
            self._reached = True
            failure = TransientError(self._told(call, error), reason="no-answer", remedy=AGAIN)
            failure = failure if call.safe else _in_doubt(failure)
        except ForbiddenAddressError as error:
            failure = RejectedError(f"{call.what}: {error}, which is not public", reason="not-public")
        else:
            self._reached = True
            failure = self._refusal(call, response, sent_at)
            if failure is None:
                return response
        # Here, where theirs are out of sight.
        raise failure

    def _refusal(self, call: _Call, response: Response, sent_at: float) -> LikenessError | None:
        if response.fine:
            self._rates.went_well()
            return None
        if response.status == 429:
            self._rates.too_many(sent_at)
        found = call.problem(response)
        if not isinstance(found, TransientError):
            return found
        self._rates.pause(response.retry_after_s())
        return found if call.safe or response.was_not_done() else _in_doubt(found)

    def _told(self, call: _Call, error: Exception) -> str:
        return f"{call.what}: {clean(self._hide(str(error)))}"

    def _hide(self, words: str) -> str:
        return words if self._auth is None else self._auth.hide(words)

    def _check(self, url: str, what: str) -> None:
        if not is_address(url):
            raise RejectedError(f"{what}: not an address of a file", reason="bad-url")
        parts = urlsplit(url)
        local = parts.scheme == "http" and self._at_home and is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            raise RejectedError(
                f"{what}: only https is fetched, not {parts.scheme[:20]!r}", reason="not-https"
            )

    def _may_hold_files(self, address: Address) -> bool:
        return is_public(address) or (self._at_home and address.is_loopback)


def _may_pass(error: BaseException) -> bool:
    """Whether to try again: not what was carried out perhaps, and not in a run that is to end."""
    if not isinstance(error, TransientError) or isinstance(error, InDoubtError | JobLostError):
        return False
    return error.reason != STOPPED


def _in_doubt(failure: TransientError) -> InDoubtError:
    return InDoubtError(f"{failure.message}; it may have been carried out and billed", remedy=failure.remedy)
