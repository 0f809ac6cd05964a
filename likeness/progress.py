"""Progress of long work on stderr: a bar with rate and time left at a terminal, plain lines elsewhere."""

import re
import sys
import time
from typing import Any, Self

# Where nobody watches, a line at most this often: logs stay readable, and silence never looks like a hang.
PLAIN_LINE_EVERY_S = 10.0
COUNT_LINE = re.compile(r"(\w+): (\d+)/(\d+)(?:, [\d.]+/s,| in [\d.]+ s )")
"""Stage, steps done and steps in all, as `Progress` writes them there: on the way, and at the end."""


class Progress:
    """Counts `total` items of one stage; use as a context manager."""

    def __init__(self, stage: str, *, total: int) -> None:
        self.stage, self.total, self.done = stage, total, 0
        self.words: dict[str, int] = {}
        self._started = self._last_line = time.monotonic()
        self._bars = _bars() if sys.stderr.isatty() else None
        if self._bars:
            self._bars.add_task(stage, total=total, rate="", note="")

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def advance(self, item_id: str, word: str, *, steps: int = 1) -> None:
        """Count finished steps; `word` is what became of them (made, reused, refused: blurred)."""
        self.done += steps
        kind = word.partition(":")[0]
        self.words[kind] = self.words.get(kind, 0) + steps
        rate = f"{self.done / max(time.monotonic() - self._started, 1e-6):.1f}/s"
        if self._bars:
            self._bars.update(self._bars.task_ids[0], advance=steps, rate=rate, note=f"{item_id} {word}")
        elif time.monotonic() - self._last_line >= PLAIN_LINE_EVERY_S:
            self._last_line = time.monotonic()
            left_s = (time.monotonic() - self._started) / self.done * (self.total - self.done)
            self.line(f"{self.done}/{self.total}, {rate}, about {left_s:.0f} s left")

    def line(self, text: str) -> None:
        """One plain line on stderr, beside the bar."""
        if self._bars:
            self._bars.console.print(f"{self.stage}: {text}", highlight=False, markup=False, soft_wrap=True)
        else:
            sys.stderr.write(f"{self.stage}: {text}\n")

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self.words.items()))
        nothing = "nothing to do" if self.total == 0 else "none finished"
        self.line(
            f"{self.done}/{self.total} in {time.monotonic() - self._started:.1f} s ({counts or nothing})"
        )


def _bars() -> Any:
    """A bar of rich at the terminal, which takes a tenth of a second to load."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("[bold]{task.description:<9}"),
        progress.BarColumn(bar_width=30),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
    )
