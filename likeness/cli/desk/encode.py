"""Pictures as pages show them: smaller, and without a byte of the file's own."""

from pathlib import Path

import numpy as np
from PIL import Image

from likeness.images import RGB, encode_jpeg, load_rgb

SIDE_PX = 640
QUALITY = 85


def page_jpeg(rgb: RGB, side_px: int = SIDE_PX) -> bytes:
    """A smaller copy without metadata."""
    image = Image.fromarray(rgb)
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    return encode_jpeg(np.asarray(image, np.uint8), QUALITY)


def encoded(picture: Path, sha256: str) -> bytes:
    """A picture that a stage wrote; `sha256` only tells one from another."""
    return page_jpeg(load_rgb(picture))
