"""PNG told by its chunks (PNG 3rd edition, sections 5 and 11)."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from likeness.images import PNG_SIGNATURE, png_chunks
from likeness.ingest.kinds import unsupported
from likeness.ingest.limits import truncated

HEADER, PIXELS, PROFILE, ANIMATION, FRAME = b"IHDR", b"IDAT", b"iCCP", b"acTL", b"fcTL"
# Numbers a pixel by the colour type, and where each pass of an interlaced picture begins and how far its pixels are apart.
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
APPLES_OWN = b"CgBI"  # pixels of iOS programs: blue first, packed without a checksum
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})

# Pillow refuses a picture of which a text or the profile unpacks to more than 1 MiB, or all texts to more than 64.
MOST_BYTES, MOST_OF_ALL = 2**20, 2**25
MOST_OF_A_PROFILE = 2**24


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each whole chunk, where it begins and where it ends."""
    return (chunk for chunk in png_chunks(data) if chunk[2] <= len(data))


def content(data: bytes, name: bytes) -> bytes | None:
    """The content of a chunk before the pixels."""
    for kind, at, end in chunks(data):
        if kind == PIXELS:
            return None
        if kind == name:
            return data[at + 8 : end - 4]
    return None


def frames(data: bytes) -> int:
    """How many pictures a PNG holds: an animation's frames, and before them one that is not theirs."""
    if content(data, ANIMATION) is None:
        return 1
    kinds = [kind for kind, *_ in chunks(data) if kind in (PIXELS, FRAME)]
    return kinds.count(FRAME) + (kinds[:1] == [PIXELS])


def readable(data: bytes) -> bytes:
    """The PNG without texts and without a profile that are too large for Pillow: no pixel depends on them.

    Raises:
        InputError: `truncated`, it has two headers, or a chunk up to the last of its pixels has another checksum;
            `unsupported-kind`, it is a PNG for Apple's programs alone.
    """
    kept, copied, total, seen_pixels = list[bytes](), 0, 0, False
    for kind, at, end in chunks(data):
        seen_pixels |= kind == PIXELS
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big") and (
            kind == PIXELS or not seen_pixels
        ):
            raise truncated(f"the checksum of its chunk {kind.decode('ascii', 'backslashreplace')} is wrong")
        if kind == APPLES_OWN:
            raise unsupported("PNG of an iOS program (CgBI)")
        if kind == HEADER and at > len(PNG_SIGNATURE):
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
    """Refuse a PNG whose pixels are fewer than it has places for; Pillow leaves the others black.

    Raises:
        InputError: `truncated`.
    """
    width, height, bits, colours, *_, laced = struct.unpack(">IIBBBBB", content(data, HEADER) or b"")
    needed = 0
    for left, top, across, down in ADAM7 if laced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0:
            needed += max(0, rows) * (1 + -(-columns * SAMPLES[colours] * bits // 8))
    found, stream = 0, zlib.decompressobj()
    for kind, at, end in chunks(data):
        part = data[at + 8 : end - 4] if kind == PIXELS else b""
        while part and not stream.eof and found < needed:
            found += len(stream.decompress(part, MOST_BYTES))
            part = stream.unconsumed_tail
    if found < needed:
        raise truncated(f"its data stand for {found} bytes of pixels, its size for {needed}")


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
