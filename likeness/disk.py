"""Writes files completely or not at all; tests a place before the work whose result goes there."""

import fcntl
import os
import shutil
import sys
import uuid
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
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
        # A write that fails names no file, one that opens its temporary file names that, and a copy both.
        named = error.filename2 or error.filename
        if named is None or Path(named).name.startswith(_beside(path)):
            error.filename, error.filename2 = str(path), None
        if told := DiskError.of(error, size=size):
            raise told from error
        raise


def discard(temporary: Path) -> None:
    """Delete what a write may have left: a disk that does not even take that has said so by the write's own error."""
    with suppress(OSError):
        temporary.unlink()


def write_atomic(path: Path, *data: bytes) -> None:
    """Write `data`, one part after the other, so that `path` holds either its old content or all of the new one, also after a power
    cut; its folder is made where there is none."""
    write_parts(path, data, sum(map(len, data)))


def write_parts(path: Path, parts: Iterable[bytes], size: int | None = None) -> None:
    """The same of parts that are made one after the other."""
    with _replacing(path, size) as temporary, temporary.open("wb") as file:
        file.writelines(parts)


def copy_atomic(source: Path, path: Path) -> None:
    """As `write_atomic`, of what another file holds."""
    with _replacing(path, source.stat().st_size) as temporary:
        shutil.copyfile(source, temporary)


def _beside(path: Path) -> str:
    """How the name of its temporary file begins: with the first letters alone, so that a name as long as the disk takes has one."""
    return f".{path.name[:60]}."


@contextmanager
def _replacing(path: Path, size: int | None) -> Generator[Path]:
    """Around what writes `size` bytes to the path that it is given, which then becomes `path`, or goes."""
    temporary = path.with_name(f"{_beside(path)}{uuid.uuid4().hex[:8]}.tmp")
    try:
        with writing(path, size):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        discard(temporary)


def append(path: Path, data: bytes) -> None:
    """Add `data` to the end of a file that only grows, all of it or nothing."""
    # Without a buffer, which would be written once more when the file is closed.
    with writing(path, len(data)), path.open("ab", buffering=0) as file:
        end, left = file.seek(0, os.SEEK_END), memoryview(data)
        try:
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), end)
            raise


@contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Around what reads a file of the folder and writes it anew: others, of whatever process, wait. Nobody waits where there is no
    folder yet, or where the file system locks none (NFS)."""
    with ExitStack() as opened:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            opened.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def write_private(path: Path, data: bytes) -> None:
    """A new file that this user alone reads.

    Raises:
        FileExistsError: there is one.
    """
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


@contextmanager
def optional() -> Generator[None]:
    """Around what writes a file that only saves time, or that a person can do without: a disk that does not take it is told on
    stderr, and costs no more."""
    try:
        yield
    except (DiskError, OSError) as error:
        told = DiskError.of(error) if isinstance(error, OSError) else error
        if told is None:
            raise
        sys.stderr.write(f"not written: {told.message}\n")


def refuse_links_to_nothing(*places: Path) -> None:
    """Refuse places on whose way a link leads nowhere, as to a disk that is not mounted: nothing can be made there.

    Raises:
        DiskError: with the first such link, and where it leads.
    """
    for path in dict.fromkeys(one for place in places for one in (*reversed(place.parents), place)):
        if leads_nowhere(path):
            raise DiskError(
                f"{path} is a link to {path.readlink()}, where nothing is",
                remedy="mount the disk that it leads to, or make what it names; or delete the link",
            )


def leads_nowhere(path: Path) -> bool:
    """Whether a path is a link to nothing: whoever opens it is told that the link itself is missing."""
    return path.is_symlink() and not path.exists()


def try_place(place: Path, *, free_bytes: int = FREE_BYTES) -> None:
    """Write a byte where `place` is to be made, and look how much space is left there.

    Raises:
        DiskError: it cannot be written to, or fewer than `free_bytes` are free.
    """
    refuse_links_to_nothing(place)
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
        other = DiskError(f"{place} cannot be written to: {error.strerror}", remedy="choose another folder")
        raise DiskError.of(error) or other from error
    if free < free_bytes:
        raise DiskError(
            f"{place}: {free / 2**20:.0f} MB are free there, {free_bytes / 2**20:.0f} are needed",
            remedy=DiskError.MORE_SPACE,
        )
