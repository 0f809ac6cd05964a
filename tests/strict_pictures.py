"""Pictures for what strict checks of their data find, and how a decoder and likeness read them."""

import io
from pathlib import Path

import numpy as np
from ingest_pictures import LIMITS
from PIL import Image

from likeness.errors import InputError
from likeness.ingest.decode import decode_photo


def picture(side_px: int = 160) -> Image.Image:
    """Smooth colours with grain, as photographs have them."""
    down, across = np.mgrid[0:side_px, 0:side_px] / side_px
    smooth = np.stack([np.sin(7 * across), np.cos(5 * down), np.sin(9 * across * down)], axis=-1)
    grain = np.random.default_rng(0).normal(0, 0.05, smooth.shape)
    return Image.fromarray(np.clip(128 + 100 * (smooth + grain), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def read(path: Path, data: bytes) -> np.ndarray | None:
    """The pixels, or None where they are refused as damaged."""
    path.write_bytes(data)
    try:
        return decode_photo(path, LIMITS).rgb
    except InputError as error:
        return (
            None if error.reason == "truncated" else np.zeros((1, 1, 3))
        )  # a reason that misleads is no better


def pixels_of(data: bytes) -> np.ndarray | None:
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception:  # whatever a decoder raises is a refusal
        return None
    return np.asarray(image.convert("RGB"))
