"""Starts a program, before its imports: they take seconds, and another Python cannot make them.

An old Python has to read this file, so it uses nothing that Python 3.7 lacks.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType

OLDEST_PYTHON = (3, 11)
# What ends a program from outside, and what Python does then by itself: Ctrl-C, `kill` and a machine that shuts down, a terminal
# that closes. All end as Ctrl-C does, or MLflow's run would go on for ever.
ENDING = {
    getattr(signal, "SIGHUP", signal.SIGTERM): signal.SIG_DFL,  # Windows has none
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}
REMEDY = (
    "  remedy: `. .venv/bin/activate`, so that `python` is likeness's own, then start again;"
    " `make install` makes that environment\n"
)


def begin() -> None:
    """End in one sentence where this Python is not likeness's own, and at once by a signal that ends until `interruptible`."""
    if sys.version_info < OLDEST_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.stderr.write(f"likeness needs Python 3.11 or newer; {sys.executable} is {version}\n{REMEDY}")
        raise SystemExit(1)
    gc.disable()
    prepare_outputs()
    sys.excepthook = _without_traceback
    # Pillow warns of a photograph's odd tags, and cannot say whose they are; what counts is told by that file's line.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    for number, usual in ENDING.items():
        if signal.getsignal(number) is usual:  # `nohup` has one ignored
            signal.signal(number, _end)


def prepare_outputs() -> None:
    """An output that was closed (`>&-`) takes what is said and shows nothing: Python has none then, and the next file would get its
    number. One that lacks a letter (Latin-1, ASCII) shows its number, `\\u7389`, and ends no program whose work is done."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the program
        getattr(sys, name).reconfigure(errors="backslashreplace")


def interruptible() -> None:
    """The imports are done: from here Ctrl-C, `kill` and a closed terminal raise KeyboardInterrupt. What they made stays as long as
    the program: no search for garbage went through it, nor does one from here on, which is a tenth of a short program's time."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    for number in ENDING:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def importing() -> Generator[None]:
    """Around imports that take seconds, once the program is under way: Ctrl-C ends it at once there, too."""
    for number in ENDING:
        if signal.getsignal(number) is signal.default_int_handler:
            signal.signal(number, _end)
    gc.disable()
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
