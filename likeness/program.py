"""How a program begins, before its imports: they take seconds, and another Python cannot make them.

An old Python has to read this file, so it uses nothing that Python 3.7 lacks.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType

OLDEST_PYTHON = (3, 11)
REMEDY = (
    "  remedy: `. .venv/bin/activate`, so that `python` is likeness's own, then start again;"
    " `make install` makes that environment\n"
)


def begin() -> None:
    """End in one sentence where this Python is not likeness's own, and by Ctrl-C until `interruptible`."""
    if sys.version_info < OLDEST_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write(f"likeness needs Python 3.11 or newer; {sys.executable} is {version}\n{REMEDY}")
        raise SystemExit(1)
    sys.excepthook = _without_traceback
    # Pillow warns of a photograph's odd tags, and cannot say whose they are; what counts is told by that file's line.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def interruptible() -> None:
    """The imports are done: from here Ctrl-C raises KeyboardInterrupt, as usual."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def importing() -> Generator[None]:
    """Around imports that take seconds, once the program is under way: Ctrl-C ends it at once there, too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        interruptible()


@contextmanager
def for_this_user_alone() -> Generator[None]:
    """What is written meanwhile has no rights for others: files 0600, folders 0700."""
    mask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(mask)


def _end(_number: int, _frame: FrameType | None) -> None:
    # At once: a KeyboardInterrupt raised within an import comes out as some other error of the library's.
    sys.stderr.write("\ninterrupted\n")
    sys.stderr.flush()
    os._exit(130)


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A package that is not there is told in a sentence, all else as Python does."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError) or package in ("", "likeness", "stages"):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(f"{package} is not installed for {sys.executable}\n{REMEDY}")
