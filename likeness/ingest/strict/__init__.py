"""A second, strict look at pixels that a decoder made: decoders show something of nearly any data.

jpeg.py   libjpeg's warnings, which Pillow drops, and seam.py
webp.py   what libwebp leaves unread
hevc.py   libde265's warnings, which libheif drops (HEIC)
tiff.py   a checksum, libjpeg's warnings or the length of each strip
seam.py   the edge that blocks of a JPEG have which one wrong number moved
gif.py    the length of the first frame
lzw.py    how long LZW data are, unpacked

PNG has checksums (likeness/ingest/png.py looks at how many pixels it has), and dav1d reads AVIF strictly. Of all formats the pixels
must name colours of their palette. BMP and plain TIFF are numbers
without any order to check.
"""

from collections.abc import Callable

from PIL import Image

from likeness.ingest import png
from likeness.ingest.limits import truncated
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
    _refuse_colours_beyond(image)
    if (check := CHECKS.get(str(image.format))) is not None:
        check(data, image)


def _refuse_colours_beyond(image: Image.Image) -> None:
    """Refuse pixels that name colours which their palette does not have; decoders invent them."""
    if image.mode != "P" or image.palette is None:
        return
    count = len(image.palette.palette) // 3
    named = [number for number, pixels in enumerate(image.histogram()) if pixels]
    beyond = [number for number in named if number >= count and number != image.info.get("transparency")]
    if beyond:
        raise truncated(f"its pixels name colour {beyond[-1]} of a palette of {count}")
