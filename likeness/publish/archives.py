"""A stranger's archive, read within bounds: neither its list nor a file is read before what that takes is known."""

import contextlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path

from likeness.marks.detect import MAX_FILE_BYTES

# What zipfile and the decompressors behind it raise of damaged bytes.
BROKEN = (
    zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError, OverflowError, struct.error, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
MOST_UNPACKED = 100
"""So many times an archive's size: photographs shrink by nothing, metadata.jsonl by 20."""
MAX_BYTES = 16 * 2**30
"""Of an archive, and of what it unpacks to: 10,000 pictures of 1.5 MB; at 100 MB a second three minutes."""
MAX_FILES = 100_000
MAX_LIST_BYTES = 16 * 2**20
MAX_TEXT_BYTES = 32 * 2**20
"""Of a list of pictures: 1 kB for each of 32,000."""

END, END_64, LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
END_BYTES, LOCATOR_BYTES, END_64_BYTES, MAX_COMMENT, LOCAL_BYTES = 22, 20, 56, 2**16, 30


@contextlib.contextmanager
def opened(path: Path) -> Generator[zipfile.ZipFile]:
    """An archive of which every file can be read within the bounds above, one at a time.

    Raises:
        One of BROKEN, with what is wrong.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    with path.open("rb") as file:
        if (listed := _list_bytes(file, size)) > MAX_LIST_BYTES:
            raise ValueError(f"the list of its files has {listed:,} bytes, more than {MAX_LIST_BYTES:,}")
        with zipfile.ZipFile(file) as archive:
            _refuse(archive, size)
            yield archive


def text_of(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """A list of pictures in an archive; None where it has none.

    Raises:
        ValueError: it is larger than such a list is.
    """
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    if info.file_size > MAX_TEXT_BYTES:
        raise ValueError(f"{name} in it has more than {MAX_TEXT_BYTES:,} bytes")
    return archive.read(info)


def _list_bytes(file: io.BufferedReader, size: int) -> int:
    """How long the list at the end says that it is: zipfile reads all of it, whatever number of files the end names."""
    tail_bytes = min(size, END_BYTES + MAX_COMMENT + LOCATOR_BYTES)
    file.seek(size - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(END)
    if at < 0 or len(tail) < at + END_BYTES:
        raise zipfile.BadZipFile("it does not end as an archive does")
    listed = int.from_bytes(tail[at + 12 : at + 16], "little")
    # Above 4 GiB, or where somebody says so, the numbers stand in another record, which zipfile expects right before.
    if at >= LOCATOR_BYTES and tail[at - LOCATOR_BYTES :].startswith(LOCATOR):
        file.seek(max(size - tail_bytes + at - LOCATOR_BYTES - END_64_BYTES, 0))
        if (record := file.read(END_64_BYTES)).startswith(END_64):
            listed = max(listed if listed < 2**32 - 1 else 0, int.from_bytes(record[40:48], "little"))
    file.seek(0)
    return listed


def _refuse(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what the list alone gives away; what it says falsely, reading finds."""
    files = sorted(archive.infolist(), key=lambda one: one.header_offset)
    if len(files) > MAX_FILES:
        raise ValueError(f"it has {len(files):,} files, more than {MAX_FILES:,}")
    if len({one.filename for one in files}) < len(files):
        raise ValueError("it has two files of one name")
    for before, after in pairwise(files):
        if before.header_offset + LOCAL_BYTES + before.compress_size > after.header_offset:
            raise ValueError(f"{before.filename} and {after.filename} in it overlap")
    unpacked = sum(one.file_size for one in files)
    if unpacked > min(MOST_UNPACKED * size, MAX_BYTES):
        raise ValueError(f"it unpacks to {unpacked:,} bytes")
    if max((one.file_size for one in files), default=0) > MAX_FILE_BYTES:
        raise ValueError(f"a file in it has more than {MAX_FILE_BYTES:,} bytes")
    # C2PA's library takes no notice of what stands in front of an archive: a program, or another file.
    if files and files[0].header_offset:
        raise ValueError("it does not begin with its first file")
