"""One training image: the enhanced image at the size the trainer reads, marked with its origin."""

import math

import numpy as np
from PIL import Image

from likeness.images import decode_rgb, encode_jpeg
from likeness.safety.provenance import SourceType, mark_jpeg

PHOTO_VERSION = 2
"""Raised whenever the same input would give other pixels or bytes."""

# Trainers cut buckets to a multiple of 64 px (sd-scripts, bucket_reso_steps): the VAE's 8 times the UNet's 8.
GRID_PX = 64


def training_size(width: int, height: int, side_px: int | None) -> tuple[int, int]:
    """The (width, height) an image is reduced to: the area of a `side_px` square, shape kept, never enlarged.

    A size on the trainer's grid of 64 px with exactly the same shape is preferred, so that an enhanced 2x
    bucket (1664x2432) comes back as the bucket it was (832x1216).
    """
    scale = 1.0 if side_px is None else side_px / math.sqrt(width * height)
    if scale >= 1:
        return width, height
    on_grid = (_to_grid(width * scale), _to_grid(height * scale))
    if 0 < on_grid[0] <= width and 0 < on_grid[1] <= height and on_grid[0] * height == on_grid[1] * width:
        return on_grid
    return max(1, round(width * scale)), max(1, round(height * scale))


def training_jpeg(
    enhanced: bytes, *, side_px: int | None, quality: int, code: SourceType
) -> tuple[bytes, int, int]:
    """The marked JPEG of a training image, with its width and height in px.

    An enhanced JPEG that already has the size is not encoded a second time.

    Args:
        enhanced: JPEG or PNG bytes of the enhance stage.
        quality: libjpeg quality where the image is encoded here.

    Raises:
        InputError: `unreadable`.
    """
    rgb = decode_rgb(enhanced, name="the enhanced image")
    height, width = rgb.shape[:2]
    size = training_size(width, height, side_px)
    if size == (width, height) and enhanced.startswith(b"\xff\xd8"):
        return mark_jpeg(enhanced, code), width, height
    if size != (width, height):
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
    return mark_jpeg(encode_jpeg(rgb, quality), code), *size


def _to_grid(length: float) -> int:
    return round(length / GRID_PX) * GRID_PX
