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


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a JPEG of which libjpeg says that its data are damaged.

    Raises:
        InputError: `truncated`, in libjpeg's words.
    """
    colours = "CMYK" if image.mode == "CMYK" else "GRAY"
    try:
        simplejpeg.decode_jpeg(data, colours, min_height=1, min_width=1, min_factor=REDUCTION, strict=True)
    except ValueError as error:
        if DAMAGE.search(str(error)):
            raise truncated(str(error)) from error
