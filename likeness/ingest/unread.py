"""A complete picture of a format that is read, with numbers that Pillow does not know: it is not damaged."""

from contextlib import suppress
from typing import Any, cast

from PIL import TiffImagePlugin as tag

from likeness.ingest.kinds import TIFF, first_page, unsupported

UNSIGNED = 1  # of TIFF's SampleFormat
BIG_TIFF_OF_MOTOROLA = b"MM\0+"
# What Pillow knows (TiffImagePlugin.COMPRESSION_INFO); its libtiff was built without WebP.
USUAL_COMPRESSIONS = frozenset(
    {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34676, 34677, 34925, 50000}
)
COMPRESSIONS = {
    9: "JBIG", 10: "JBIG", 22610: "JPEG XR", 33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG",
    34712: "JPEG 2000", 34887: "LERC", 34892: "lossy JPEG of DNG", 34933: "PNG", 34934: "JPEG XR", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
OPEN_INFO: dict[tuple[Any, ...], tuple[str, str]] = cast(Any, tag).OPEN_INFO
# Grey TIFF that Pillow decodes and does not know: 12 bits, and 16 with the highest byte first, of which 0 may be white.
for order, photometric in ((b"II", 0), (b"MM", 0), (b"MM", 1)):
    OPEN_INFO.setdefault((order, photometric, (1,), 1, (12,), ()), ("I;16", "I;12"))
OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
# What Pillow opens: byte order, PhotometricInterpretation, how many numbers a pixel, their
# SampleFormat and bits, and what those beside the colours are.
KNOWN = [
    (order, photometric, len(bits), set(samples), set(bits), extra)
    for order, photometric, samples, _, bits, extra in OPEN_INFO
]
WHOLE_NUMBERS = (tag.COMPRESSION, tag.PHOTOMETRIC_INTERPRETATION, tag.SAMPLESPERPIXEL)
MOST_SAMPLES, MOST_COLOURS = 16, 65_536
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
BMP_BITS = frozenset({0, 1, 2, 4, 8, 16, 24, 32, 64})
SHORT_OS2_HEADER = 16
USUAL_BMP_BITS = frozenset({1, 4, 8, 16, 24, 32})  # that Pillow knows, where they are not packed


def refuse_unread(data: bytes, *, opened: bool) -> None:
    """Refuse a picture that is whole and of a kind that Pillow does not know; any other that it cannot read is damaged. `opened`:
    Pillow knew the header, and not the pixels.

    Raises:
        InputError: `unsupported-kind`, with what the file says of its pixels.
    """
    kind = None
    with suppress(Exception):  # a broken header: whoever reads the picture says so
        if data.startswith(b"BM"):
            kind = _rare_bmp(data)
        elif data.startswith(BIG_TIFF_OF_MOTOROLA):
            kind = "BigTIFF with the highest byte first"
        elif data.startswith(TIFF):
            kind = _rare_tiff(data, opened)
    if kind is not None:
        raise unsupported(kind)


def _rare_bmp(data: bytes) -> str | None:
    """What a BMP that is whole says of its pixels (Microsoft, BITMAPFILEHEADER and BITMAPV5HEADER)."""
    size, header, bits = (int.from_bytes(data[at : at + n], "little") for at, n in ((2, 4), (14, 4), (28, 2)))
    colours = int.from_bytes(data[46:50], "little") if header >= 40 else 0
    packed = int.from_bytes(data[30:34], "little")
    is_odd = size > len(data) or header not in BMP_HEADERS or bits not in BMP_BITS or colours > MOST_COLOURS
    is_usual = not packed and bits in USUAL_BMP_BITS and header != SHORT_OS2_HEADER and colours <= 256
    if is_odd or is_usual:
        return None
    return f"BMP with {bits} bits a pixel, compression {packed}"


def _rare_tiff(data: bytes, opened: bool) -> str | None:
    """What a TIFF says of its pixels that Pillow does not know, or one that is whole and was not opened."""
    first: Any = next(first_page(data))
    packed = first.get(tag.COMPRESSION, 1)
    if not all(isinstance(first.get(one, 1), int) for one in WHOLE_NUMBERS):
        return None
    if packed not in USUAL_COMPRESSIONS:
        return f"TIFF packed as {COMPRESSIONS.get(packed, f'compression {packed}')}"
    if opened:
        return None
    photometric, bits = first.get(tag.PHOTOMETRIC_INTERPRETATION, "missing"), tuple(first[tag.BITSPERSAMPLE])
    samples = set(first.get(tag.SAMPLEFORMAT, (UNSIGNED,)))
    many = first.get(tag.SAMPLESPERPIXEL, 1)
    if not 0 < many <= MOST_SAMPLES:
        return None
    usual = (data[:2], photometric, many, samples, set(bits), tuple(first.get(tag.EXTRASAMPLES, ()))) in KNOWN
    strips, tiles = (tag.STRIPOFFSETS, tag.STRIPBYTECOUNTS), (tag.TILEOFFSETS, tag.TILEBYTECOUNTS)
    offsets, counts = next((first[one], first[other]) for one, other in (strips, tiles) if one in first)
    whole = all(0 < at + count <= len(data) for at, count in zip(offsets, counts, strict=True))
    if usual or not (whole and first[tag.IMAGEWIDTH] and first[tag.IMAGELENGTH]):
        return None
    return (
        f"TIFF with {many} numbers of {sorted(set(bits))} bits a pixel, SampleFormat {sorted(samples)}, "
        f"PhotometricInterpretation {photometric}"
    )
