"""A place to write to is tried before the work whose result it is to hold."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from likeness.errors import DiskError

# What a stage is not started without: an ingested photograph takes some 30 MB, a LoRA with its checkpoints some 100.
FREE_BYTES = 256 * 2**20


@contextmanager
def writing(path: Path, size: int | None = None) -> Generator[None]:
    """Around what writes `path`, of `size` bytes: a disk that does not take them is told with both.

    Raises:
        DiskError: it is full, or may not be written to.
    """
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)  # a write that fails names none
        if told := DiskError.of(error, size=size):
            raise told from error
        raise


def try_place(place: Path, *, free_bytes: int = FREE_BYTES) -> None:
    """Write a byte where `place` is to be made, and look how much space is left there.

    Raises:
        DiskError: it cannot be written to, or fewer than `free_bytes` are free.
    """
    folder = place.absolute()
    while not folder.is_dir():
        folder = folder.parent
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        error.filename = str(place)
        raise DiskError.of(error) or error from error
    if free < free_bytes:
        raise DiskError(
            f"{place}: {free / 2**20:.0f} MB are free there, {free_bytes / 2**20:.0f} are needed",
            remedy=DiskError.MORE_SPACE,
        )
