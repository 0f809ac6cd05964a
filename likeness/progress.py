"""Progress of long work on stderr: a bar with rate and time left at a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

# Where nobody watches, a line at most this often: logs stay readable, and silence never looks like a hang.
PLAIN_LINE_EVERY_S = 10.0


class Progress:
    """Counts `total` items of one stage; use as a context manager."""

    def __init__(self, stage: str, *, total: int) -> None:
        self.stage, self.total, self.done = stage, total, 0
        self.words: dict[str, int] = {}
        self._started = self._last_line = time.monotonic()
        self._bars = Bars(
            TextColumn("[bold]{task.description:<9}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task(stage, total=total, rate="", note="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def advance(self, item_id: str, word: str, *, steps: int = 1) -> None:
        """Count finished steps; `word` is what became of them (made, reused, refused: blurred)."""
        self.done += steps
        kind = word.partition(":")[0]
        self.words[kind] = self.words.get(kind, 0) + steps
        rate = f"{self.done / max(time.monotonic() - self._started, 1e-6):.1f}/s"
        self._bars.update(self._task, advance=steps, rate=rate, note=f"{item_id} {word}")
        if self._bars.disable and time.monotonic() - self._last_line >= PLAIN_LINE_EVERY_S:
            self._last_line = time.monotonic()
            left_s = (time.monotonic() - self._started) / self.done * (self.total - self.done)
            self.line(f"{self.done}/{self.total}, {rate}, about {left_s:.0f} s left")

    def line(self, text: str) -> None:
        """One plain line on stderr, beside the bar."""
        self._bars.console.print(f"{self.stage}: {text}", highlight=False, markup=False, soft_wrap=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self.words.items()))
        self.line(
            f"{self.done}/{self.total} in {time.monotonic() - self._started:.1f} s ({counts or 'nothing to do'})"
        )
