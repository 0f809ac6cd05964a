"""WebP: libwebp says when data end early, and says nothing when data are left over. So it is given the picture without
its last bytes: if that is a picture too, the bytes mean nothing, and what was read before them is not what was written.

Sources: RFC 9649 (container), RFC 6386 (VP8).
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image

from likeness.images import riff_chunks
from likeness.ingest.limits import truncated

# libwebp's encoder leaves up to 3 bytes that no decoder needs (measured; 1 without loss), libvpx's up to 5.
SLACK = 8
PICTURES = (b"VP8 ", b"VP8L")
FRAME, FRAME_HEADER = b"ANMF", 16


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a WebP whose first picture ends before its data do.

    Raises:
        InputError: `truncated`.
    """
    kind, pixels = next((kind, part) for kind, part in _chunks(data, 12) if kind in PICTURES)
    if len(pixels) > 4 * SLACK and _is_picture(_file(kind, pixels[:-SLACK])):
        raise truncated("its pixels are complete before its data end: some of them were read wrongly")


def _is_picture(data: bytes) -> bool:
    try:
        Image.open(io.BytesIO(data), formats=("WEBP",)).load()
    except Exception:  # it does not matter how the decoder says no
        return False
    return True


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of chunks from a place on, those of a frame among them."""
    for kind, content in riff_chunks(data, at):
        if kind == FRAME:
            yield from _chunks(content, FRAME_HEADER)
        else:
            yield kind, content


def _file(kind: bytes, content: bytes) -> bytes:
    chunk = struct.pack("<4sI", kind, len(content)) + content + b"\0" * (len(content) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunk), b"WEBP") + chunk
