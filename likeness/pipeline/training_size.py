"""The size of a training image: what the dataset scales down to, and from where on no enlargement need be bought."""

import math

from likeness.pipeline.manifest import OWN_SCALE, Entry

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
    if image.bucket_px is not None and fills(image, side_px):
        return _of_bucket(image.bucket_px, side_px)
    return training_size(image.width, image.height, side_px)


def fills(image: Entry, side_px: int | None) -> bool:
    """Whether an image has all the pixels that its crop is trained at."""
    if image.bucket_px is None:
        return False
    width, height = _of_bucket(image.bucket_px, side_px)
    return width <= image.width and height <= image.height


def _of_bucket(bucket_px: tuple[int, int], side_px: int | None) -> tuple[int, int]:
    across, down = bucket_px
    return training_size(OWN_SCALE * across, OWN_SCALE * down, side_px)


def _to_grid(length: float) -> int:
    return round(length / GRID_PX) * GRID_PX
