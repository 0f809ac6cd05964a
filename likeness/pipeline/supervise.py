"""A stage that buys does so in a process of its own session.

When the stage is killed (kill -9 of `dvc repro` and all of its group, a closed terminal), that process sees its
parent's end of a pipe close, buys nothing more, writes down the answers that are already paid for and on their way,
and ends. A run started meanwhile waits at exactly these items (`ItemStore.alone`).

It is started anew and not forked: the libraries that stages import have threads, which a fork would lose.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Set for the child: the descriptor of the pipe whose other end its parent holds.
PARENT_PIPE = "LIKENESS_PARENT_PIPE"


def supervise(stage: str, persona: str, stop: threading.Event) -> None:
    """Run the stage in a child of its own session and end with its exit status; in that child, return at once, and set
    `stop` when the run is to end."""
    if (pipe := os.environ.pop(PARENT_PIPE, None)) is not None:
        for number in SIGNALS:
            signal.signal(number, lambda _number, _frame: stop.set())
        threading.Thread(target=_watch_parent, args=(int(pipe), stop), daemon=True).start()
        return
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", f"stages.{stage}", persona],
        env={**os.environ, PARENT_PIPE: str(reader)},
        pass_fds=(reader,),
        start_new_session=True,
    )
    os.close(reader)

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in SIGNALS:
        signal.signal(number, forward)
    code = child.wait()
    os.close(writer)
    raise SystemExit(code if code >= 0 else 128 - code)


def _watch_parent(pipe: int, stop: threading.Event) -> None:
    os.read(pipe, 1)  # returns when the parent is gone: nobody ever writes
    stop.set()
