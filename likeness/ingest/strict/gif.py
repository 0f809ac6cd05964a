"""GIF: the first frame's data must stand for as many pixels as it has (GIF89a)."""

import struct

from PIL import Image

from likeness.ingest.limits import truncated
from likeness.ingest.strict.lzw import unpacked_length

HEADER = 13
EXTENSION, FRAME = 0x21, 0x2C
TABLE = 0x80  # of the flags: colours follow


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a GIF whose first frame has too much or too little data.

    Raises:
        InputError: `truncated`. IndexError, struct.error: it does not read.
    """
    at = HEADER + _table_bytes(data[10])
    while data[at] == EXTENSION:
        _, at = _blocks(data, at + 2)
    if data[at] != FRAME:
        raise truncated("there is no frame where one should begin")
    width, height, flags = struct.unpack_from("<4xHHB", data, at + 1)
    at += 10 + _table_bytes(flags)
    if not (data[10] | flags) & TABLE:
        raise truncated("it has no palette")
    pixels, _ = _blocks(data, at + 1)
    if (length := unpacked_length(pixels, value_bits=data[at], gif=True)) != width * height:
        raise truncated(f"its data stand for {length} pixels, its first frame has {width * height}")


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & TABLE else 0


def _blocks(data: bytes, at: int) -> tuple[bytes, int]:
    """The content of a chain of blocks, and where it ends."""
    parts: list[bytes] = []
    while size := data[at]:
        parts.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return b"".join(parts), at + 1
