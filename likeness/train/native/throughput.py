"""A run's speed, memory and cost so far: for people who watch, never in a file that must repeat."""

import resource
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import torch

GIB = 2**30
# getrusage counts in KiB, but on macOS in bytes (man 2 getrusage).
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Throughput:
    """Measures from now on; `seconds` is what the run took before it was resumed."""

    def __init__(
        self, device: torch.device, *, images_per_step: int, usd_per_hour: float | None, seconds: float
    ) -> None:
        self.device, self.usd_per_hour = device, usd_per_hour
        self.images_per_step = images_per_step
        self._window = time.monotonic()
        self._began = self._window - seconds

    @property
    def seconds(self) -> float:
        """How long the run has taken, all its parts together."""
        return time.monotonic() - self._began

    @contextmanager
    def aside(self) -> Generator[None]:
        """What is done inside takes time, but training is no slower for it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # the steps before it are still running
        began = time.monotonic()
        try:
            yield
        finally:
            self._window += time.monotonic() - began

    def read(self, steps: int) -> dict[str, float]:
        """Speed over the `steps` since the last call, whose results have been read; memory and cost so far."""
        now = time.monotonic()
        seconds, self._window = max(now - self._window, 1e-6), now
        hours = self.seconds / 3600
        return {
            "images_per_s": steps * self.images_per_step / seconds,
            "peak_memory_gib": self._peak_bytes() / GIB,
            "hours": hours,
            **({} if self.usd_per_hour is None else {"cost_usd": hours * self.usd_per_hour}),
        }

    def _peak_bytes(self) -> int:
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
