"""What came back, and the error it stands for."""

import email.utils
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from likeness.errors import AuthError, LikenessError, ProviderError, QuotaError, RejectedError, TransientError
from likeness.items import Json

# Longer waits than this are not honoured: the next run comes sooner.
MAX_RETRY_AFTER_S = 300.0
# A vendor's words in an error message.
MAX_WORDS = 300

# Statuses of a request that was surely not carried out, though it may be next time.
NOT_DONE = frozenset({408, 425, 429, 500, 502, 503})


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


def problem_of(reply: Reply, what: str, words: str, key_env: str | None) -> ProviderError:
    """The error of a status, where the vendor's own mapping says nothing."""
    told = f"{what} answered {reply.status}: {words}" if words else f"{what} answered {reply.status}"
    if reply.status in (401, 403):
        remedy = f"check {key_env}" if key_env else "the server wants a key: set api_key_env in conf/"
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


def clean(body: bytes, secret: str) -> str:
    """What a vendor says of its error: short, printable, and without the key should it repeat it."""
    text = body[: 4 * MAX_WORDS].decode("utf-8", "replace")
    text = text.replace(secret, "***") if secret else text
    return "".join(letter if letter.isprintable() else " " for letter in text)[:MAX_WORDS].strip()


def retry_after_s(reply: Reply) -> float:
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
