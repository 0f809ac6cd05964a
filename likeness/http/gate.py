"""How a provider is used: how many requests are under way, how fast they follow each other, how long they may take."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field

from likeness.errors import TransientError
from likeness.till import STOP

# Answers of one burst all say 429: they count as one.
ONE_BURST_S = 1.0


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


class Gate:
    """Lets through at most `in_flight` at a time and so many requests and tokens a minute.

    A 429 halves what may be under way and makes everybody wait for its Retry-After; each success brings a part of one
    back (additive increase, multiplicative decrease).
    """

    def __init__(
        self, in_flight: int, requests_per_minute: float | None, tokens_per_minute: float | None
    ) -> None:
        self._most, self._allowed, self._under_way = in_flight, float(in_flight), 0
        self._request_s = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._token_s = 60.0 / tokens_per_minute if tokens_per_minute else 0.0
        self._free_at = self._halved_at = 0.0
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return max(1, int(self._allowed))

    @contextmanager
    def one(self, tokens: int) -> Generator[None, None, None]:
        """Wait for a place and hold it."""
        with self._changed:
            while self._under_way >= self.allowed:
                self._changed.wait()
            self._under_way += 1
            now = time.monotonic()
            start = max(now, self._free_at)
            self._free_at = start + max(self._request_s, tokens * self._token_s)
        try:
            self.sleep(start - now)
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def sleep(self, seconds: float) -> None:
        """Wait, but not when the run is to end.

        Raises:
            TransientError: `stopped`.
        """
        if seconds > 0 and STOP.wait(seconds):
            raise TransientError("the run was stopped", reason="stopped", remedy="run `dvc repro` again")

    def went_well(self) -> None:
        """One more may be under way after about as many successes as are."""
        with self._changed:
            if self._allowed < self._most:
                self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
                self._changed.notify()

    def too_many(self, retry_after_s: float) -> None:
        """The provider says 429."""
        with self._changed:
            now = time.monotonic()
            self._free_at = max(self._free_at, now + retry_after_s)
            if now - self._halved_at > ONE_BURST_S:
                self._allowed, self._halved_at = max(1.0, self._allowed / 2), now
