"""One training image: the enhanced image at the size the trainer reads, marked with its origin."""

import math

import numpy as np
from PIL import Image

from likeness.images import decode_rgb, encode_jpeg
from likeness.pipeline.manifest import OWN_SCALE, Entry
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


def size_of(image: Entry, side_px: int | None) -> tuple[int, int]:
    """The `training_size` of an enhanced image: of its bucket's shape exactly, where the image has the pixels."""
    if image.bucket_px is not None:
        across, down = image.bucket_px
        width, height = training_size(OWN_SCALE * across, OWN_SCALE * down, side_px)
        if width <= image.width and height <= image.height:
            return width, height
    return training_size(image.width, image.height, side_px)


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


def _to_grid(length: float) -> int:
    return round(length / GRID_PX) * GRID_PX
