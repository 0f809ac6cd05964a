"""A provider's response, and the error that it stands for."""

import email.utils
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from likeness.errors import (
    AuthError,
    LikenessError,
    ProviderError,
    QuotaError,
    RejectedError,
    TransientError,
    on_terminal,
)
from likeness.store.items import Json

MAX_WORDS = 300
"""Letters of a vendor's words in an error message."""

MAX_RETRY_AFTER_S = 300.0
"""Longer waits than this are not honoured: the next run comes sooner."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

NO_CONTENT = 204

# Statuses of a request that may go through a moment later; RFC 9110 and 8470 for 425.
LATER = frozenset({408, 425, 429})

# Server errors that say that nothing was carried out: it broke, or nobody took it. A 504 does not.
NOT_DONE = frozenset({500, 502, 503})


@dataclass(frozen=True)
class Response:
    """A whole answer: `headers` by lower-case name; `value` is its JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    value: Json = field(default=None, repr=False)

    @property
    def fine(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    def json(self) -> Json:
        """The answer's JSON."""
        return self.value

    def parsed(self) -> "Response":
        """The same with its JSON read; 204 says that there is none.

        Raises:
            ValueError: it is none.
        """
        return self if self.status == NO_CONTENT else replace(self, value=orjson.loads(self.body))

    def without(self, hide: Callable[[str], str]) -> "Response":
        """The same after `hide` has taken out what no error may show."""
        # Latin-1 gives every byte back as it was.
        body = hide(self.body.decode("latin-1")).encode("latin-1")
        return replace(self, body=body, headers={name: hide(text) for name, text in self.headers.items()})

    @property
    def words(self) -> str:
        """What the vendor says in it, short and printable."""
        return clean(self.body.decode("utf-8", "replace"))

    def retry_after_s(self) -> float:
        """Seconds to wait by Retry-After (a number or a date), 0 where it says nothing."""
        value = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError, OverflowError):
                return 0.0
        return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), MAX_RETRY_AFTER_S)

    def was_not_done(self) -> bool:
        """Whether a refusal says that nothing was carried out, so that nothing is billed."""
        return self.status < 500 or self.status in NOT_DONE


Translate = Callable[[Response], LikenessError | None]
"""A vendor's own errors in our words; None where the status says it all."""


def problem_of(response: Response, message: str, *, key: str | None) -> ProviderError:
    """The error of a status where the vendor's own mapping says nothing; `key` is the variable that holds the key."""
    status = response.status
    if status in (401, 403):
        remedy = f"check {key}" if key else "the server wants a key: set api_key_env in conf/"
        return AuthError(message, remedy=remedy)
    if status == 402:
        remedy = "add credit with the provider, then run `dvc repro` again"
        return QuotaError(message, reason="credits", remedy=remedy)
    if status == 429:
        remedy = "lower limits.in_flight in conf/, or try again later"
        return TransientError(message, reason="rate-limited", remedy=remedy)
    if status in REDIRECTS:
        remedy = "check base_url in conf/: redirects are not followed; an S3 address has to name its region"
        return RejectedError(message, reason="redirected", remedy=remedy)
    return _busy(response, message) or RejectedError(
        message, remedy="read the provider's words; the photo or the settings do not suit it"
    )


def problem_of_file(response: Response, message: str) -> ProviderError:
    """The error of a status of a result's file: no key is at fault there, an old address is."""
    return _busy(response, message) or RejectedError(
        message, reason="no-file", remedy="run `dvc repro` again: results are kept for a while only"
    )


def _busy(response: Response, message: str) -> TransientError | None:
    if response.status in LATER or response.status >= 500:
        return TransientError(message, reason="server-error", remedy="run `dvc repro` again later")
    return None


def clean(text: str) -> str:
    """A vendor's words, short and printable."""
    return on_terminal(text[:MAX_WORDS]).strip()
