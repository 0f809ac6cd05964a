"""What happened: requests by endpoint, how many at a time, what was bought, and a log without bodies or keys."""

import asyncio
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

LOG_LENGTH = 50_000
"""Requests remembered."""

INPUTS_WITHIN_S = 30.0
"""How long a question for purchases waits for inputs that are still being fetched."""


@dataclass
class Booking:
    """One purchase, booked when a vendor would bill it: a job accepted, a caption answered.

    `digest` is of the input's content; `fault` is what was done to it; `answered` is False when no whole answer
    left the server; `polls` and `delivered` tell whether anybody ever came for the job.
    """

    what: str
    digest: str
    key_ok: bool
    job: str = ""
    fault: str = ""
    answered: bool = False
    polls: int = 0
    delivered: bool = False


@dataclass
class Entry:
    """One request; the query is left out, it may be a signature."""

    at_s: float
    endpoint: str
    method: str
    path: str
    status: int = 0
    fault: str = ""
    seconds: float = 0.0
    bytes_in: int = 0
    key_sent: bool = False
    store: bool | None = None


class Books:
    """Everything the control endpoints tell."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget it all."""
        self.counts: Counter[str] = Counter()
        self.bookings: list[Booking] = []
        self.most_in_flight: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._log: deque[Entry] = deque(maxlen=LOG_LENGTH)
        self._fetching: set[asyncio.Task[Any]] = set()

    def begin(self, endpoint: str, method: str, path: str) -> Entry:
        """A request came."""
        entry = Entry(time.monotonic() - self._began, endpoint, method, path)
        self._log.append(entry)
        self.counts[endpoint] += 1
        for name in (endpoint.split(".")[0], "all"):
            self._in_flight[name] += 1
            self.most_in_flight[name] = max(self.most_in_flight[name], self._in_flight[name])
        return entry

    def end(self, entry: Entry) -> None:
        """It was answered, or dropped."""
        entry.seconds = time.monotonic() - self._began - entry.at_s
        for name in (entry.endpoint.split(".")[0], "all"):
            self._in_flight[name] -= 1

    def buy(self, what: str, digest: str, *, key_ok: bool, job: str = "") -> Booking:
        """Bill it."""
        booking = Booking(what, digest, key_ok, job)
        self.bookings.append(booking)
        return booking

    def fetching(self, task: asyncio.Task[Any]) -> None:
        """This task will set a booking's digest."""
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)

    async def settled(self) -> list[Booking]:
        """The bookings, when the inputs of all of them are known."""
        if self._fetching:
            await asyncio.wait(self._fetching, timeout=INPUTS_WITHIN_S)
        return self.bookings

    def log(self) -> list[dict[str, Any]]:
        """The requests, oldest first."""
        return [asdict(entry) for entry in self._log]
