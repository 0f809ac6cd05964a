"""JPEG: what libjpeg warns of. Pillow asks it for pixels and drops its warnings; TurboJPEG raises them."""

import re
from collections.abc import Iterator

import simplejpeg  # pyright: ignore[reportMissingTypeStubs]
from PIL import Image

from likeness.ingest.kinds import unsupported
from likeness.ingest.limits import truncated
from likeness.ingest.strict.seam import edge_of_moved_blocks

# What libjpeg warns of where the data do not fit together (jerror.h: JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_EXTRANEOUS_DATA,
# JWRN_MUST_RESYNC, JWRN_JPEG_EOF, JWRN_BOGUS_PROGRESSION); its other warnings are of headers, and change no pixel.
DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
# Some cameras fill up the last bytes before the end with zeros; what is left of damaged data is not zero.
LEFT_OVER, END_OF_IMAGE = re.compile(r"([1-9]\d*) extraneous bytes before marker 0xd9"), b"\xff\xd9"
UNKNOWN_SAMPLING = "Could not determine subsampling"
# A step is seen in four rows of pixels, two on either side of an edge.
LEAST_PX = 4
# Reduced by 8, it reads all data and makes few pixels.
REDUCTION = 8

# ITU-T T.81, table B.1: what a decoder needs before the first scan (DHT, DQT, DRI, frames; APP14 says how colours are coded),
# markers without a length, and the one that begins a scan.
FRAMES, RESTART = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}), 0xDD
NEEDED = frozenset({*range(0xC0, 0xD0), 0xDB, RESTART, 0xEE})
BARE, SCAN, END = frozenset({0x01, *range(0xD0, 0xD9)}), 0xDA, 0xD9
# A marker after a scan's data, in which 0xFF is followed by 0 or a restart's number.
AFTER_DATA = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
COEFFICIENTS = 64  # of a block


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a JPEG of which libjpeg says that its data are damaged, which lacks scans, or through which the edge of moved
    blocks goes.

    Raises:
        InputError: `truncated`, in libjpeg's words or ours.
    """
    refuse_warned(data, image)
    if lacking := _not_told(data):
        raise truncated(f"of {lacking} of its colours the last scans are missing, which tell the fine detail")
    frame, interval = header(data)
    block_px = coded_px(frame)
    rows, rest = divmod(interval, -(-_width(frame) // block_px[0]))
    if not rest:
        refuse_moved(frame, image, rows or None)


def refuse_warned(data: bytes, image: Image.Image) -> None:
    """Refuse a JPEG, or one strip of a TIFF, of which libjpeg says that its data are damaged.

    Raises:
        InputError: `truncated`, in libjpeg's words; `unsupported-kind`, TurboJPEG cannot look at it.
    """
    reduced = {"min_height": 1, "min_width": 1, "min_factor": REDUCTION}
    colours = "CMYK" if image.mode == "CMYK" else "GRAY"
    try:
        simplejpeg.decode_jpeg(_without_notes(data), colours, strict=True, **reduced)
    except ValueError as error:
        if (left := LEFT_OVER.search(str(error))) and (padding := bytes(int(left[1])) + END_OF_IMAGE) in data:
            refuse_warned(data.replace(padding, END_OF_IMAGE, 1), image)
            return
        if DAMAGE.search(str(error)):
            raise truncated(str(error)) from error
        if UNKNOWN_SAMPLING in str(error):  # its data were not looked at
            raise unsupported("JPEG whose colours are stored smaller in a rare ratio") from error


def refuse_moved(frame: bytes, image: Image.Image, rows: int | None) -> None:
    """Refuse a picture through which the edge of moved blocks goes; `rows` of blocks begin anew each time, None: all are one.

    Raises:
        InputError: `truncated`.
    """
    reduced = max(1, round(_width(frame) / image.width))  # by libjpeg, while it decoded
    width, height = (px // reduced for px in coded_px(frame))
    if min(width, height) < LEAST_PX or image.height < 2 * height or image.width < 2 * width:
        return
    if (row := edge_of_moved_blocks(image, (width, height), rows)) is not None:
        raise truncated(f"from row {row} of its blocks on, brightness or colour jumps at the edges of blocks")


def coded_px(frame: bytes) -> tuple[int, int]:
    """Width and height in pixels of what is coded at a time, by the frame's segment (T.81, B.2.2 and A.2)."""
    samplings = frame[11::3][: frame[9]]
    if len(samplings) == 1:
        return 8, 8
    return 8 * max(one >> 4 for one in samplings), 8 * max(one & 15 for one in samplings)


def _width(frame: bytes) -> int:
    return int.from_bytes(frame[7:9], "big")


def header(data: bytes) -> tuple[bytes, int]:
    """The segment of the frame, and the restart interval in coded units (0: none)."""
    frame, interval = b"", 0
    for marker, segment in _segments(data):
        if marker in FRAMES:
            frame = segment
        elif marker == RESTART:
            interval = int.from_bytes(segment[4:6], "big")
    return frame, interval


def _not_told(data: bytes) -> int:
    """Of how many components no scan tells all coefficients to the last bit (T.81, B.2.3 and G.1.1.1): a progressive JPEG that was
    cut off between two scans is a picture to libjpeg, without a warning."""
    bits: dict[int, list[int | None]] = {}
    for marker, segment in _segments(data):
        if marker in FRAMES:
            bits = {component: [None] * COEFFICIENTS for component in segment[10::3][: segment[9]]}
        elif marker == SCAN:
            for scan in _scans(segment):
                first, last, low = scan[5 + 2 * scan[4] :][:3]
                for component in scan[5::2][: scan[4]]:
                    for place in range(first, min(last + 1, COEFFICIENTS) if component in bits else first):
                        bits[component][place] = low & 15
    return sum(any(bit != 0 for bit in told) for told in bits.values())


def _scans(data: bytes) -> Iterator[bytes]:
    """The headers of the scans of data that begin with the first."""
    at = 0
    while at + 4 <= len(data) and (marker := data[at + 1]) != END:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SCAN and len(header := data[at:end]) >= 8 + 2 * header[4]:
            yield header
        found = AFTER_DATA.search(data, end)
        at = found.start() if found else len(data)


def _without_notes(data: bytes) -> bytes:
    """The JPEG without what changes no pixel: profiles, EXIF, and junk between segments, which libjpeg warns of, too."""
    needed = [segment for marker, segment in _segments(data) if marker in NEEDED or marker == SCAN]
    return b"".join([data[:2], *needed]) if needed and needed[-1][1] == SCAN else data


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and segments up to the first scan; the scan with all that follows."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == SCAN:
            yield marker, data[at:]
            return
        if marker in (0x00, 0xFF) or marker in BARE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at:end]
        at = end
