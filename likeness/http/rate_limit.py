"""Limits the requests in flight and their rate, for all threads of one provider's client."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import Field

from likeness.errors import TransientError
from likeness.settings import Section

STOPPED = "stopped"
"""The reason of the error that a run gets which is to end."""


class Limits(Section):
    """How a provider is used: requests at a time and a minute, seconds a phase, tries of a request, and their
    spacing (full jitter: a random part of backoff_s * 2**n, at most backoff_max_s)."""

    in_flight: int = Field(ge=1, le=256)
    requests_per_minute: float | None = Field(gt=0)
    tokens_per_minute: float | None = Field(gt=0)
    connect_s: float = Field(gt=0)
    write_s: float = Field(gt=0)
    read_s: float = Field(gt=0)
    """Without a byte of an answer; and from its head to its last byte."""
    attempts: int = Field(ge=1, le=20)
    backoff_s: float = Field(ge=0)
    backoff_max_s: float = Field(ge=0)
    max_response_mb: float = Field(gt=0)


class RateLimiter:
    """Lets through at most `limits.in_flight` at a time and so many requests and tokens a minute, evenly spaced.

    A 429 halves what may be under way, each success brings a part of one back (additive increase, multiplicative
    decrease); a Retry-After makes everybody wait, those too who already have their turn. Nobody waits once `stop` is set.
    """

    def __init__(self, limits: Limits, stop: threading.Event) -> None:
        self._stop = stop
        self._most, self._allowed, self._under_way = limits.in_flight, float(limits.in_flight), 0
        self._request_s = 60.0 / limits.requests_per_minute if limits.requests_per_minute else 0.0
        self._token_s = 60.0 / limits.tokens_per_minute if limits.tokens_per_minute else 0.0
        self._free_at = self._paused_until = 0.0
        self._halved_at = -1.0
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return max(1, int(self._allowed))

    @contextmanager
    def one(self, tokens: int) -> Generator[float, None, None]:
        """Wait for a place and hold it; gives the moment (monotonic) at which the request may go.

        Raises:
            TransientError: `stopped`.
        """
        with self._changed:
            while self._under_way >= self.allowed:
                self._changed.wait()
            self._under_way += 1
            turn = max(time.monotonic(), self._free_at)
            self._free_at = turn + max(self._request_s, tokens * self._token_s)
        try:
            while (wait := max(turn, self._paused_until) - time.monotonic()) > 0:
                self.sleep(wait)
            yield time.monotonic()
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def sleep(self, seconds: float) -> None:
        """Wait, but not when the run is to end.

        Raises:
            TransientError: `stopped`.
        """
        if seconds > 0 and self._stop.wait(seconds):
            raise TransientError("the run was stopped", reason=STOPPED, remedy="run `dvc repro` again")

    def went_well(self) -> None:
        """One more may be under way after about as many successes as are."""
        with self._changed:
            if self._allowed < self._most:
                self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
                self._changed.notify()

    def too_many(self, sent_at: float) -> None:
        """The provider answered 429 to what was sent at `sent_at`; a burst of them says it once."""
        with self._changed:
            if sent_at > self._halved_at:
                self._allowed, self._halved_at = max(1.0, self._allowed / 2), time.monotonic()

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so long."""
        with self._changed:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
