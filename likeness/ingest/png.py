"""PNG told by its chunks (PNG 3rd edition, sections 5 and 11)."""

import zlib
from collections.abc import Iterator
from typing import Any, cast

from PIL import Image

from likeness.ingest.kinds import unsupported
from likeness.ingest.limits import truncated

SIGNATURE, CHUNK_BYTES = b"\x89PNG\r\n\x1a\n", 12
HEADER, PALETTE, PIXELS, PROFILE = b"IHDR", b"PLTE", b"IDAT", b"iCCP"
APPLES_OWN = b"CgBI"  # pixels of iOS programs: blue first, packed without a checksum
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})

# Pillow refuses a picture of which a text or the profile unpacks to more than 1 MiB, or all texts to more than 64.
MOST_BYTES, MOST_OF_ALL = 2**20, 2**25
MOST_OF_A_PROFILE = 2**24


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each whole chunk, where it begins and where it ends."""
    at = len(SIGNATURE)
    while at + CHUNK_BYTES <= len(data):
        end = at + CHUNK_BYTES + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            return
        yield data[at + 4 : at + 8], at, end
        at = end


def content(data: bytes, name: bytes) -> bytes | None:
    """The content of a chunk before the pixels."""
    for kind, at, end in chunks(data):
        if kind == PIXELS:
            return None
        if kind == name:
            return data[at + 8 : end - 4]
    return None


def readable(data: bytes) -> bytes:
    """The PNG without texts and without a profile that are too large for Pillow: no pixel depends on them.

    Raises:
        InputError: `truncated`, it has two headers; `unsupported-kind`, it is a PNG for Apple's programs alone.
    """
    kept, copied, total = list[bytes](), 0, 0
    for kind, at, end in chunks(data):
        if kind == APPLES_OWN:
            raise unsupported("PNG of an iOS program (CgBI)")
        if kind == HEADER and at > len(SIGNATURE):
            raise truncated("it has a second header")
        if kind != PROFILE and kind not in TEXTS:
            continue
        size = 0
        # What comes after is left out unread: a file may hold as many bombs as it likes.
        if total <= MOST_OF_ALL:
            size = len(_unpacked(kind, data[at + 8 : end - 4], MOST_BYTES + 1))
            total += size
        if total > MOST_OF_ALL or (size > MOST_BYTES and kind != b"tEXt"):
            kept.append(data[copied:at])
            copied = end
    return b"".join([*kept, data[copied:]]) if kept else data


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a PNG whose pixels name colours that its palette does not have; decoders invent them.

    Raises:
        InputError: `truncated`.
    """
    if image.mode == "P" and (palette := content(data, PALETTE)) is not None:
        _, largest = cast(Any, image.getextrema())
        if largest >= len(palette) // 3:
            raise truncated(f"its pixels name colour {largest} of a palette of {len(palette) // 3}")


def profile(data: bytes) -> bytes | None:
    """The ICC profile of a PNG, up to a size that none has."""
    part = content(data, PROFILE)
    return None if part is None else _unpacked(PROFILE, part, MOST_OF_A_PROFILE)


def _unpacked(kind: bytes, part: bytes, most: int) -> bytes:
    """What stands in a text or a profile behind its names, as far as `most` bytes."""
    _, _, rest = part.partition(b"\0")
    if kind == b"iTXt":
        is_packed, rest = rest[:1] != b"\0", rest[2:].split(b"\0", 2)[-1]
    else:
        is_packed, rest = kind != b"tEXt", rest if kind == b"tEXt" else rest[1:]
    if not is_packed:
        return rest[:most]
    try:
        return zlib.decompressobj().decompress(rest, most)
    except zlib.error:
        return b""
