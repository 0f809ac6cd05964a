"""TIFF: libtiff stops where a strip is full, and asks neither for a checksum nor what is left of the data (TIFF 6.0)."""

import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL import TiffImagePlugin as tag

from likeness.ingest.kinds import tags_of, unsupported
from likeness.ingest.limits import truncated
from likeness.ingest.strict import jpeg
from likeness.ingest.strict.lzw import unpacked_length

HEADER_BYTES, PADDING = 8, 3
PLAIN, OLD_JPEG = 1, 6
LZW, JPEG, DEFLATE, YCBCR = 5, 7, (8, 32946), 6
START_OF_IMAGE, INTERCHANGE, INTERCHANGE_LENGTH = b"\xff\xd8", 513, 514
# Files of before 1990 fill bytes from their lowest bit: libtiff knows them by their first code.
OLD_LZW = b"\0"


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a TIFF of which a strip or tile of the first page has too much or too little data, or a wrong checksum,
    and one that Pillow misreads.

    Raises:
        InputError: `truncated`, `unsupported-kind`. ValueError and its like: a strip does not read.
    """
    tags = tags_of(image)
    packed = tags.get(tag.COMPRESSION, 1)
    _refuse_misread(tags)
    strips = _strips(tags, data)
    if packed == OLD_JPEG:
        jpeg.check(_old_jpeg(tags, data, [strip for strip, _ in strips]), image)
    elif packed == JPEG:
        tables = bytes(tags.get(tag.JPEGTABLES, b"\xff\xd8\xff\xd9"))
        for strip, _ in strips:
            jpeg.refuse_warned(tables[:-2] + strip[2:], image)
        if strips and tag.ROWSPERSTRIP in tags and tags.get(tag.PLANAR_CONFIGURATION) != 2:
            frame, _ = jpeg.header(strips[0][0])
            rows, rest = divmod(tags[tag.ROWSPERSTRIP], jpeg.coded_px(frame)[1])
            if not rest:
                jpeg.refuse_moved(frame, image, rows)
    elif packed in DEFLATE or packed == LZW:
        for strip, size in strips:
            found = _inflated(strip, size) if packed in DEFLATE else _unpacked(strip, size)
            if found != size and tags.get(tag.PHOTOMETRIC_INTERPRETATION) != YCBCR:
                raise truncated(f"a strip has data of {found} bytes, where {size} belong")


def _refuse_misread(tags: Mapping[int, Any]) -> None:
    """Refuse what Pillow reads otherwise than it is written: plain numbers of 16 bits, each colour on its own, and plain YCbCr
    with colours of half the size."""
    if tags.get(tag.COMPRESSION, 1) != PLAIN:
        return
    bits = tags.get(tag.BITSPERSAMPLE, (1,))[0]
    if tags.get(tag.PLANAR_CONFIGURATION) == 2 and tags.get(tag.SAMPLESPERPIXEL, 1) > 1 and bits != 8:
        raise unsupported(
            f"TIFF with plain numbers of {bits} bits, each colour on its own (PlanarConfiguration 2)"
        )
    halves = tuple(tags.get(tag.YCBCRSUBSAMPLING, (1, 1)))
    if tags.get(tag.PHOTOMETRIC_INTERPRETATION) == YCBCR and halves != (1, 1):
        raise unsupported("TIFF with plain YCbCr whose colours are stored smaller (YCbCrSubSampling)")


def _old_jpeg(tags: Mapping[int, Any], data: bytes, strips: list[bytes]) -> bytes:
    """The JPEG of a TIFF of before 1995 (TIFF 6.0, section 22): JPEGInterchangeFormat names it, or its one strip is it; where it has
    tables alone, the pixels are in the strips. One of the file's end lacks no more than a marker.

    Raises:
        InputError: `unsupported-kind`, its tables stand in tags of their own.
    """
    at, length = tags.get(INTERCHANGE, 0), tags.get(INTERCHANGE_LENGTH, 0) or len(data)
    found = data[at : at + length] if at else strips[0]
    if not found.startswith(START_OF_IMAGE):
        raise unsupported("TIFF with a JPEG of which it tells the tables by tags (compression 6)")
    first = tags[tag.STRIPOFFSETS][0]
    inside = at <= first < at + length
    return found + (b"" if not at or inside else b"".join(strips)) + jpeg.END_OF_IMAGE


def _inflated(strip: bytes, size: int) -> int:
    stream = zlib.decompressobj()
    try:
        found = len(stream.decompress(strip, size + 1))
    except zlib.error as error:
        raise truncated(str(error)) from error
    if not stream.eof and found <= size:
        raise truncated("a strip ends before its checksum")
    return found


def _unpacked(strip: bytes, size: int) -> int:
    return size if strip.startswith(OLD_LZW) else unpacked_length(strip, value_bits=8, gif=False)


def _strips(tags: Mapping[int, Any], data: bytes) -> list[tuple[bytes, int]]:
    """The data of each strip or tile of a page, and how many bytes they stand for.

    Raises:
        InputError: `truncated`, there are fewer or more than the picture has, longer ones, or two in the same place.
    """
    width, height, samples = tags[tag.IMAGEWIDTH], tags[tag.IMAGELENGTH], tags.get(tag.SAMPLESPERPIXEL, 1)
    apart = tags.get(tag.PLANAR_CONFIGURATION) == 2
    # Planes beside the colours may be there or not: Pillow reads the colours.
    planes = samples - len(tags.get(tag.EXTRASAMPLES, ())) if apart else 1
    bits = tags.get(tag.BITSPERSAMPLE, (1,))[0] * (1 if apart else samples)
    if tag.TILEOFFSETS in tags:
        offsets, counts = tags[tag.TILEOFFSETS], tags[tag.TILEBYTECOUNTS]
        across, down = -(-width // tags[tag.TILEWIDTH]), -(-height // tags[tag.TILELENGTH])
        sizes = [-(-tags[tag.TILEWIDTH] * bits // 8) * tags[tag.TILELENGTH]] * (across * down * planes)
    else:
        offsets, counts = tags[tag.STRIPOFFSETS], tags[tag.STRIPBYTECOUNTS]
        rows = min(tags.get(tag.ROWSPERSTRIP, height), height)
        tops = range(0, height, rows)
        sizes = [-(-width * bits // 8) * min(rows, height - top) for top in tops] * planes
    if len(offsets) < len(sizes) or (len(offsets) > len(sizes) and not apart):
        raise truncated(f"it has {len(offsets)} strips or tiles of pixels, and needs {len(sizes)}")
    packed = tags.get(tag.COMPRESSION, PLAIN)
    if packed == PLAIN:
        # Its last strip may be as long as the others, and fewer bytes may be counted than there are.
        for count, size in zip(counts[:-1], sizes[:-1], strict=False):
            if count > size + PADDING:
                raise truncated(f"a strip has {count} bytes, where {size} belong: its width is told wrongly")
    if packed == OLD_JPEG:  # its strips may be the whole of one JPEG
        used = []
    elif packed == PLAIN:  # some programs count the bytes wrongly; Pillow takes as many as it needs
        used = list(zip(offsets, sizes, strict=False))
    else:
        used = list(zip(offsets, counts, strict=False))[: len(sizes)]
    end = HEADER_BYTES
    for number, (at, count) in sorted(enumerate(used, start=1), key=lambda one: one[1]):
        if at < end or count == 0:
            raise truncated(f"strip or tile {number} of {len(sizes)} has no data of its own")
        end = at + count
    return [(data[at : at + count], size) for at, count, size in zip(offsets, counts, sizes, strict=False)]
