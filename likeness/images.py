"""Images this project made itself: RGB arrays in memory, PNG and JPEG bytes at the borders.

A user's own photograph goes through `likeness.ingest.decode` instead, which trusts nothing.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from likeness.errors import InputError
from likeness.store.items import write_atomic

RGB = NDArray[np.uint8]
"""An image in memory: uint8, [H, W, 3], red first, sRGB."""

PNG_COMPRESS_LEVEL = 4
"""zlib level. A 1024x1280 photograph: level 4 1.18 MB in 0.10 s, 6 1.10 MB in 0.27 s, 9 1.02 MB in 2.1 s."""

JPEG_QUALITY = 95
"""libjpeg quality; above it files grow fast and the difference is below the grain."""


def load_rgb(path: Path | str) -> RGB:
    """Read an image written by an earlier stage.

    Returns:
        uint8 [H, W, 3], RGB, C-contiguous and writable.

    Raises:
        InputError: the file is missing (`missing-file`) or no readable image (`unreadable`).
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path} does not exist",
            reason="missing-file",
            remedy="run `dvc repro`: it makes the stage before this one again",
            kind="failed",
        ) from error
    return decode_rgb(data, name=str(path))


def decode_rgb(data: bytes, *, name: str = "image") -> RGB:
    """Decode PNG or JPEG bytes made by this project; `name` is what an error message calls them.

    Returns:
        uint8 [H, W, 3], RGB, C-contiguous and writable.

    Raises:
        InputError: `unreadable`.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:  # SyntaxError: Pillow's broken PNG
        raise InputError(
            f"{name} is not a readable image: {error}",
            reason="unreadable",
            remedy="delete it and run `dvc repro`: the stage that writes it makes it again",
            kind="failed",
        ) from error


def encode_png(rgb: RGB) -> bytes:
    """Encode uint8 [H, W, 3] RGB as PNG without metadata: the same pixels give the same bytes."""
    buffer = io.BytesIO()
    _to_pil(rgb).save(buffer, format="PNG", compress_level=PNG_COMPRESS_LEVEL)
    return buffer.getvalue()


def encode_jpeg(rgb: RGB, quality: int = JPEG_QUALITY) -> bytes:
    """Encode uint8 [H, W, 3] RGB as 4:4:4 JPEG without metadata: the same pixels give the same bytes."""
    buffer = io.BytesIO()
    _to_pil(rgb).save(buffer, format="JPEG", quality=quality, subsampling=0, optimize=True)
    return buffer.getvalue()


def save_rgb(path: Path | str, rgb: RGB) -> None:
    """Write an image as PNG or JPEG, by the suffix of `path`; a kill leaves the old file or the new one.

    Raises:
        ValueError: the suffix is none of .png, .jpg, .jpeg.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {".png", ".jpg", ".jpeg"}:
        raise ValueError(f"{path.name}: images are written as .png, .jpg or .jpeg")
    data = encode_png(rgb) if suffix == ".png" else encode_jpeg(rgb)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)


def _to_pil(rgb: RGB) -> Image.Image:
    # Image.fromarray would take float or grey arrays and write something else than was meant.
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"expected uint8 [H, W, 3] RGB, got {rgb.dtype} {list(rgb.shape)}")
    return Image.fromarray(np.ascontiguousarray(rgb))
