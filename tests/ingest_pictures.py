"""A small picture with four coloured corners, as files of all kinds, and what ingest makes of one."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from likeness.errors import InputError
from likeness.ingest.decode import Limits, Photo, decode_photo

LIMITS = Limits(max_file_mb=5, max_megapixels=2, max_side_px=512, background_rgb=(255, 255, 255))
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (240, 240, 240)


def corners(width: int = 96, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def corner_colours(photo: Photo) -> list[tuple[int, ...]]:
    rgb = photo.rgb
    height, width = rgb.shape[:2]
    at = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(int(v) for v in rgb[y, x]) for y, x in at]


def assert_upright(photo: Photo, tolerance: int = 14) -> None:
    for found, expected in zip(corner_colours(photo), (RED, GREEN, BLUE, WHITE), strict=True):
        assert np.abs(np.subtract(found, expected)).max() <= tolerance, (found, expected)


def display_p3_like() -> bytes:
    """A profile that maps its reds elsewhere than sRGB: sRGB's with red and blue primaries exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", data[128:132])[0]
    tags = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red : red + 4], data[blue : blue + 4] = data[blue : blue + 4], data[red : red + 4]
    return bytes(data)


def tiff(entries: dict[int, tuple[int, int]], pixels: bytes = b"", following: bytes = b"") -> bytes:
    """A little-endian TIFF of one strip: tag -> (type 3 or 4, value), with the strip's place put in."""
    entries = entries | {273: (4, 0), 279: (4, len(pixels))}
    size = 8 + 2 + 12 * len(entries) + 4
    entries[273] = (4, size)
    table = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items())
    )
    after = size + len(pixels) if following else 0
    header = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return header + table + struct.pack("<I", after) + pixels + following


def tagged(**tags: tuple[int, int]) -> bytes:
    """Colour pixels as a TIFF, with these tags."""
    usual = {256: 96, 257: 64, 258: 8, 259: 1, 262: 2, 277: 3, 278: 64}
    own = {int(tag[1:]): value for tag, value in tags.items()}
    return tiff({tag: (3, value) for tag, value in usual.items()} | own, np.asarray(corners()).tobytes())


def packed(*chunks: tuple[bytes, bytes]) -> bytes:
    """Chunks of a PNG, with their lengths and checksums."""
    return b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )


def with_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with these chunks before its pixels."""
    buffer = io.BytesIO()
    corners().save(buffer, "PNG")
    return buffer.getvalue()[:33] + packed(*chunks) + buffer.getvalue()[33:]


def refusal(path: Path, data: bytes) -> InputError:
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        decode_photo(path, LIMITS)
    return caught.value
