"""A user's photograph, in whatever format and colours, as upright sRGB pixels - or the reason why not.

Trusts nothing: only the formats below are tried (by content, never by name), the header's size is checked
before a pixel is decoded, and a picture that ends early is an error, never a half grey one.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from likeness.errors import InputError
from likeness.images import RGB
from likeness.ingest.colour import plain_mode, to_srgb

cast(Any, pillow_heif).register_heif_opener()

# Pillow's names of what is read -> the suffixes such files carry. Nothing else is tried: Pillow also opens
# formats that run other programs (EPS) or fetch a lot of rarely tested code.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".hif"),
    "AVIF": (".avif", ".avifs"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
}

# MPO is what Pillow calls a JPEG with a second picture behind it, once it is open.
OPENED = tuple(name for name in SUFFIXES if name != "MPO")

# The first bytes of those formats; HEIF and AVIF have "ftyp" after a length instead (ISO 14496-12).
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*", b"GIF8", b"BM")

# EXIF 2.32, tag 0x0112: what was done to the picture, undone.
EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

BYTES_PER_MB = 1_000_000
PIXELS_PER_MEGAPIXEL = 1_000_000

# What Pillow's plugins raise for broken content (the list in Image.open, and what limits on metadata raise).
BROKEN = (OSError, SyntaxError, ValueError, IndexError, TypeError, EOFError, RuntimeError, struct.error)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is read, and what it becomes: sizes are refused from the header, `max_side_px` scales down."""

    max_file_mb: float
    max_megapixels: float
    max_side_px: int
    background_rgb: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Upright sRGB pixels, the format found by content, and what was changed on the way, in words."""

    rgb: RGB
    format: str
    notes: tuple[str, ...]


def decode_photo(path: Path, limits: Limits) -> Photo:
    """Read one photograph: first frame, down-scaled, in sRGB, without alpha, upright.

    Raises:
        InputError: `empty-file`, `file-too-large`, `too-many-pixels`, `not-an-image`, `truncated`,
            `unsupported-mode`. Messages do not name the file: its bytes alone decide.
    """
    _check_file(path, limits)
    try:
        image = Image.open(path, formats=OPENED)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(str(error), limits) from error
    except UnidentifiedImageError as error:
        if _starts_like_an_image(path):
            raise _truncated("its header does not read") from error
        raise InputError(
            "the content is no image that can be read (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP)",
            reason="not-an-image",
            remedy="replace it by a photograph in one of these formats, or remove it from the folder",
        ) from error
    except BROKEN as error:
        raise _truncated(str(error)) from error
    with image:
        if image.width * image.height > limits.max_megapixels * PIXELS_PER_MEGAPIXEL:
            raise _too_many_pixels(f"{image.width}x{image.height} px", limits)
        return _decode(image, limits)


def matches_suffix(name: str, format: str) -> bool:
    """Whether a file's name fits the format its content has."""
    return Path(name).suffix.lower() in SUFFIXES[format]


def _decode(image: Image.Image, limits: Limits) -> Photo:
    notes: list[str] = []
    # HEIF is turned while decoding (boxes irot and imir). Its EXIF tag only repeats it: pillow-heif moves it
    # to info["original_orientation"] and clears it, so that nothing turns the picture twice.
    stated = image.info.get("original_orientation") if image.format == "HEIF" else _orientation(image)
    profile = image.info.get("icc_profile")
    frames = int(getattr(image, "n_frames", 1))
    if frames > 1 and image.format in {"GIF", "PNG", "WEBP", "TIFF"}:
        notes.append(f"first of {frames} frames taken")
    stored_px = image.size
    ratio = limits.max_side_px / max(stored_px)
    if ratio < 1 and image.format in {"JPEG", "MPO"}:
        # libjpeg reduces by 2, 4 or 8 while it decodes: less memory and time, never below the size asked for.
        image.draft(None, (int(stored_px[0] * ratio) + 1, int(stored_px[1] * ratio) + 1))
    try:
        image.load()
    except BROKEN as error:
        raise _truncated(str(error)) from error
    flat, alpha = plain_mode(image)
    if ratio < 1:
        size = (max(1, round(stored_px[0] * ratio)), max(1, round(stored_px[1] * ratio)))
        flat = flat.resize(size, Image.Resampling.LANCZOS)
        alpha = alpha.resize(size, Image.Resampling.LANCZOS) if alpha else None
        notes.append(f"down-scaled from {stored_px[0]}x{stored_px[1]} px")
    flat = to_srgb(flat, profile, notes)
    if alpha is not None:
        notes.append(f"transparency laid on {list(limits.background_rgb)}")
        flat = Image.composite(flat, Image.new("RGB", flat.size, limits.background_rgb), alpha)
    # Read again: Pillow turns some formats (TIFF) itself while it loads, and then clears the tag.
    if (left := _orientation(image)) in UPRIGHT:
        flat = flat.transpose(UPRIGHT[left])
    if stated in UPRIGHT:
        notes.append(f"turned upright (EXIF orientation {stated})")
    return Photo(rgb=np.array(flat, dtype=np.uint8), format=str(image.format), notes=tuple(notes))


def _check_file(path: Path, limits: Limits) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}",
            reason="unreadable-file",
            remedy="check the link or the permissions, or remove it from the folder",
        ) from error
    if size == 0:
        raise InputError(
            "the file is empty (0 bytes)", reason="empty-file", remedy="copy it again from where it came from"
        )
    if size > limits.max_file_mb * BYTES_PER_MB:
        raise InputError(
            f"the file has {size / BYTES_PER_MB:.1f} MB, the limit is {limits.max_file_mb:g}",
            reason="file-too-large",
            remedy="save it as JPEG, or raise ingest.max_file_mb",
            kind="refused",
        )


def _starts_like_an_image(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(SIGNATURES) or head[4:8] == b"ftyp"


def _orientation(image: Image.Image) -> int:
    try:
        orientation: object = image.getexif().get(EXIF_ORIENTATION, 1)
    except BROKEN:  # metadata that does not read is no reason to lose the photo
        return 1
    return orientation if isinstance(orientation, int) else 1


def _too_many_pixels(measured: str, limits: Limits) -> InputError:
    return InputError(
        f"{measured}, the limit is {limits.max_megapixels:g} megapixels (read from the header)",
        reason="too-many-pixels",
        remedy="scale it down, or raise ingest.max_megapixels if the memory allows (about 16 bytes a pixel)",
        kind="refused",
    )


def _truncated(what: str) -> InputError:
    return InputError(
        f"the picture ends early or is damaged: {what}",
        reason="truncated",
        remedy="copy it again from where it came from, or remove it from the folder",
    )
