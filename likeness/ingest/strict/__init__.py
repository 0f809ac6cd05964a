"""A second, strict look at pixels that a decoder made: decoders show something of nearly any data.

jpeg.py   libjpeg's warnings, which Pillow drops, and seam.py
webp.py   what libwebp leaves unread
hevc.py   libde265's warnings, which libheif drops (HEIC)
tiff.py   a checksum, libjpeg's warnings or the length of each strip
seam.py   the edge that blocks of a JPEG have which one wrong number moved
gif.py    the length of the first frame
lzw.py    how long LZW data are, unpacked

PNG has checksums (likeness/ingest/png.py looks at its palette), and dav1d reads AVIF strictly. BMP and plain TIFF are numbers
without any order to check.
"""

from collections.abc import Callable

from PIL import Image

from likeness.ingest import png
from likeness.ingest.strict import gif, hevc, jpeg, tiff, webp

CHECKS: dict[str, Callable[[bytes, Image.Image], None]] = {
    "JPEG": jpeg.check,
    "MPO": jpeg.check,
    "WEBP": webp.check,
    "HEIF": hevc.check,
    "TIFF": tiff.check,
    "GIF": gif.check,
    "PNG": png.check,
}


def refuse_damaged(data: bytes, image: Image.Image) -> None:
    """Refuse a picture whose data do not fit together; `image` is what Pillow made of `data`.

    Raises:
        InputError: `truncated`, with what does not fit.
        struct.error, ValueError and their like: the data do not read.
    """
    if (check := CHECKS.get(str(image.format))) is not None:
        check(data, image)
