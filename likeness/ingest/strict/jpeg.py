"""JPEG: what libjpeg warns of. Pillow asks it for pixels and drops its warnings; TurboJPEG raises them."""

import re

import simplejpeg  # pyright: ignore[reportMissingTypeStubs]
from PIL import Image

from likeness.ingest.limits import truncated

# What libjpeg warns of where the data do not fit together (jerror.h: JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_EXTRANEOUS_DATA,
# JWRN_MUST_RESYNC, JWRN_JPEG_EOF, JWRN_BOGUS_PROGRESSION); its other warnings are of headers, and change no pixel.
DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
# Reduced by 8, it reads all data and makes few pixels.
REDUCTION = 8

# ITU-T T.81, table B.1: what a decoder needs before the first scan (DHT, DQT, DRI, frames; APP14 says how colours are coded),
# markers without a length, and the one that begins a scan.
NEEDED = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, 0xEE})
BARE, SCAN = frozenset({0x01, *range(0xD0, 0xD9)}), 0xDA


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a JPEG of which libjpeg says that its data are damaged.

    Raises:
        InputError: `truncated`, in libjpeg's words.
    """
    colours = "CMYK" if image.mode == "CMYK" else "GRAY"
    try:
        simplejpeg.decode_jpeg(
            _without_notes(data), colours, min_height=1, min_width=1, min_factor=REDUCTION, strict=True
        )
    except ValueError as error:
        if DAMAGE.search(str(error)):
            raise truncated(str(error)) from error


def _without_notes(data: bytes) -> bytes:
    """The JPEG without what changes no pixel: profiles, EXIF, and junk between segments, which libjpeg warns of, too."""
    parts, at = [data[:2]], 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == SCAN:
            return b"".join([*parts, data[at:]])
        if marker in (0x00, 0xFF) or marker in BARE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in NEEDED:
            parts.append(data[at:end])
        at = end
    return data
