"""A stage that buys does so in a process of its own session.

When the stage is killed (kill -9 of `dvc repro` and all of its group, a closed terminal), that process sees its
parent's end of a pipe close, buys nothing more, writes down the answers that are already paid for and on their way,
and ends. A run started meanwhile waits at exactly these items (`ItemStore.alone`).
"""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

from likeness.till import STOP

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def survive_kills() -> None:
    """Go on in a child of its own session; the calling process waits for it and ends with its exit status."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child:
        os.close(ear)
        _wait(child)
    os.close(mouth)
    os.setsid()
    for number in SIGNALS:
        signal.signal(number, _stop)
    threading.Thread(target=_listen, args=(ear,), daemon=True).start()


def _wait(child: int) -> NoReturn:
    """Pass signals on, and end as the child ends."""

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in SIGNALS:
        signal.signal(number, forward)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _listen(ear: int) -> None:
    os.read(ear, 1)  # returns when the parent is gone: nobody ever writes
    STOP.set()


def _stop(_number: int, _frame: FrameType | None) -> None:
    STOP.set()
