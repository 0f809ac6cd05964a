"""A render becomes a photograph's file: vignette, grain, JPEG, and EXIF that says what it is."""

import io
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import IFD, Base

CREDIT = "A synthetic person, rendered from MakeHuman's CC0 assets. Nobody real is shown. CC0 1.0."
EARLIER_CREDITS = (
    "A person who does not exist, rendered from MakeHuman's CC0 assets. Nobody real is shown. CC0 1.0.",
)
RIGHTS = "CC0 1.0"

JPEG_QUALITY = 92
VIGNETTE = 0.10
"""Share of light that the corners lose."""
GRAIN = 1.5
"""Standard deviation of the grain, in 8-bit levels."""

IMAGE_UNIQUE_ID = 0xA420
"""Exif 2.32: 32 hexadecimal digits; here the first of the shot's digest."""
ID_DIGITS = 32


def finish(rgb: NDArray[np.uint8], digest: str) -> bytes:
    """The JPEG of a render uint8 [H, W, 3]; grain is seeded by the digest, so equal input gives equal bytes."""
    height, width = rgb.shape[:2]
    noise = np.random.default_rng(random.Random(digest).getrandbits(64))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    pixels = rgb * (1 - VIGNETTE * np.minimum((x * x + y * y) / 2, 1))[..., None]
    grain = noise.normal(0, GRAIN, (height, width))
    grain = (grain + 0.5 * (np.roll(grain, 1, 0) + np.roll(grain, 1, 1))) * 0.8  # of more than one pixel
    pixels += grain[..., None]
    return encode(np.clip(pixels, 0, 255).astype(np.uint8), digest, JPEG_QUALITY)


def encode(rgb: NDArray[np.uint8], digest: str, quality: int) -> bytes:
    """A JPEG that carries credit, rights and digest."""
    exif = Image.Exif()
    exif[Base.ImageDescription], exif[Base.Copyright] = CREDIT, RIGHTS
    exif.get_ifd(IFD.Exif)[IMAGE_UNIQUE_ID] = digest[:ID_DIGITS]
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=quality, exif=exif, subsampling=0 if quality > 90 else 2)
    return out.getvalue()


def is_ours(jpeg: bytes) -> bool:
    """Whether a file was made by `encode`."""
    return _exif(jpeg).get(Base.ImageDescription) in (CREDIT, *EARLIER_CREDITS)


def is_of(jpeg: bytes, digest: str) -> bool:
    """Whether a file was made by `encode` for this digest."""
    return _exif(jpeg).get_ifd(IFD.Exif).get(IMAGE_UNIQUE_ID) == digest[:ID_DIGITS]


def _exif(jpeg: bytes) -> Image.Exif:
    """The EXIF of a file; empty if it is no picture."""
    try:
        with Image.open(io.BytesIO(jpeg)) as image:
            return image.getexif()
    except (UnidentifiedImageError, OSError):
        return Image.Exif()


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    """Pixels uint8 [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
