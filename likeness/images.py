"""Images that this project made itself: RGB arrays in memory, PNG and JPEG bytes in files.

A user's own photograph goes through `likeness.ingest.decode` instead, which trusts nothing.
"""

import contextlib
import io
import struct
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likeness.errors import InputError

RGB = NDArray[np.uint8]
"""An image in memory: uint8, [H, W, 3], red first, sRGB."""

Lab = NDArray[np.float32]
"""Colours [..., 3] as CIE Lab (D65): L 0..100, a green to red, b blue to yellow."""

JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
FORMATS = ("JPEG", "PNG", "WEBP")
"""What is opened: Pillow would try fifty formats, EPS with Ghostscript among them."""

MAX_PIXELS = 100_000_000
"""A picture of more is refused before a pixel is decoded: 300 MB as RGB."""

TELL_ITS_AUTHOR = "tell who wrote the provider; docs/adding-a-provider.md says what one gives"

# SyntaxError: Pillow's broken PNG. The rest is what its readers raise on headers that lie.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, OverflowError, IndexError, KeyError, MemoryError,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip

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
        ) from error
    return decode_rgb(data, name=str(path))


JPEG_SCAN = 0xDA
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each segment of a JPEG before its first scan begins, with its marker, and where it ends."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != JPEG_SCAN:
        if data[at + 1] == 0xFF:  # any number of them may stand before a marker
            at += 1
            continue
        end = at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        yield at, end
        at = end


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk of a PNG, where it begins and where it ends, its length, name and checksum among it; the last one may
    say that it ends behind the data."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at, end
        at = end


def riff_chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of a WebP's chunks from a place on."""
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def mime_of(data: bytes) -> str | None:
    """JPEG, PNG or WebP by the first bytes; None for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WEBP
    return PNG if data.startswith(PNG_SIGNATURE) else None


def decode_rgb(data: bytes, *, name: str = "image") -> RGB:
    """Decode PNG or JPEG bytes made by this project; `name` is what an error message calls them.

    Returns:
        uint8 [H, W, 3], RGB, C-contiguous and writable.

    Raises:
        InputError: `unreadable`.
    """
    with open_image(data, name=name) as image:
        return np.array(image.convert("RGB"), dtype=np.uint8)


def handed_over(rgb: object, *, who: str) -> RGB:
    """An image that a provider's code made, copied: what is judged is what is kept.

    Raises:
        InputError: `bad-result`: it is no image [H, W, 3] of bytes.
    """
    given = cast("NDArray[Any]", rgb)
    if not isinstance(rgb, np.ndarray) or given.dtype != np.uint8 or given.ndim != 3 or given.shape[2] != 3:
        why = "no image [H, W, 3] of uint8"
    elif not 0 < given.shape[0] * given.shape[1] <= MAX_PIXELS:
        why = f"an image of {given.shape[1]} x {given.shape[0]} pixels"
    else:
        return np.array(given, dtype=np.uint8, order="C", subok=False)
    raise InputError(f"{who} gave {why}", reason="bad-result", remedy=TELL_ITS_AUTHOR)


@contextlib.contextmanager
def open_image(data: bytes, *, name: str) -> Generator[Image.Image]:
    """Pillow's image of bytes made by this project or delivered by a vendor; its size is judged from the header.

    Raises:
        InputError: `unreadable`, also when the pixels turn out to be so while they are used.
    """
    try:
        if mime_of(data) is None:  # Pillow would name the buffer's place in memory, another one each time
            raise ValueError(f"it is none of {', '.join(FORMATS)}")
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"its header promises {image.width}x{image.height} px")
            if getattr(image, "n_frames", 1) > 1:  # what is judged is the first, what is kept is the file
                raise ValueError("it holds several pictures")
            yield image
    except DECODER_ERRORS as error:
        raise InputError(
            f"{name} is not a readable image: {error}",
            reason="unreadable",
            remedy="delete it and run `dvc repro`: the stage that writes it makes it again",
        ) from error


def encode_png(rgb: RGB) -> bytes:
    """Encode uint8 [H, W, 3] RGB as PNG without metadata: the same pixels give the same bytes."""
    buffer = io.BytesIO()
    _to_pil(rgb).save(buffer, format="PNG", compress_level=PNG_COMPRESS_LEVEL)
    return buffer.getvalue()


def encode_jpeg(rgb: RGB, quality: int = JPEG_QUALITY) -> bytes:
    """Encode uint8 [H, W, 3] RGB as 4:4:4 JPEG without metadata: the same pixels give the same bytes."""
    return jpeg_bytes(_to_pil(rgb), quality=quality, subsampling=0)


def jpeg_bytes(
    image: Image.Image, *, quality: int, subsampling: int = -1, progressive: bool = False
) -> bytes:
    """Encode as JPEG with Huffman tables of its own. For these Pillow keeps a byte of room for each pixel, two from quality 95 on;
    what has more detail, such as noise, gets the usual tables, and is not progressive."""
    plain: dict[str, Any] = {"format": "JPEG", "quality": quality, "subsampling": subsampling}
    buffer = io.BytesIO()
    try:
        image.save(buffer, **plain, optimize=True, progressive=progressive)
    except OSError:
        buffer = io.BytesIO()
        image.save(buffer, **plain)
    return buffer.getvalue()


def to_lab(rgb: RGB) -> Lab:
    """Uint8 [H, W, 3] RGB as CIE Lab."""
    import cv2  # here, because most who read or write images never need it

    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _to_pil(rgb: RGB) -> Image.Image:
    # Image.fromarray would take float or grey arrays and write something else than was meant.
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise ValueError(f"expected uint8 [H, W, 3] RGB, got {rgb.dtype} {list(rgb.shape)}")
    return Image.fromarray(np.ascontiguousarray(rgb))
