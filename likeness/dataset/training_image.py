"""One training image: the enhanced image at the size the trainer reads, marked with its origin."""

import numpy as np
from PIL import Image

from likeness.images import decode_rgb, encode_jpeg
from likeness.marks.xmp import SourceType, mark_jpeg

PHOTO_VERSION = 4
"""Raised whenever the same input would give other pixels, bytes or measurements."""


def training_jpeg(
    picture: bytes, *, size_px: tuple[int, int], quality: int, code: SourceType
) -> tuple[bytes, int, int]:
    """The marked JPEG of a training image, with its width and height in px.

    A JPEG that already has the size is not encoded a second time.

    Args:
        picture: JPEG or PNG bytes of the stages enhance or resize.
        quality: libjpeg quality where the image is encoded here.

    Raises:
        InputError: `unreadable`.
    """
    rgb = decode_rgb(picture, name="the image")
    height, width = rgb.shape[:2]
    if size_px == (width, height) and picture.startswith(b"\xff\xd8"):
        return mark_jpeg(picture, code), width, height
    if size_px != (width, height):
        rgb = np.asarray(Image.fromarray(rgb).resize(size_px, Image.Resampling.LANCZOS))
    return mark_jpeg(encode_jpeg(rgb, quality), code), *size_px
