"""One folder for everything temporary of a test run, which goes when the run ends, however its tests and programs ended."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psutil


def keep_together() -> None:
    """Give this process, and those that it starts, a folder in place of /tmp; pytest's own folders stay where they were, for
    whoever looks into a failure.

    Workers and programs that a test kills clean nothing up; they inherit the folder, and who made it deletes it.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    for left in Path(tempfile.gettempdir()).glob("lt-*-*"):  # of a run that was killed itself
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left, ignore_errors=True)
    # A short name: sockets lie below it, and their paths have 107 characters.
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=f"lt-{os.getpid()}-")
    os.chmod(tempfile.tempdir, 0o711)  # PostgreSQL's user has folders in it
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)
