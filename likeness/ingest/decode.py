"""A user's photograph, in whatever format and colours, as upright sRGB pixels - or the reason why not.

Trusts nothing: only the formats below are tried (by content, never by name), the header's size is checked
before a pixel is decoded, and a picture that ends early is an error, never a half grey one. A file is read once, whole,
under one guard: whatever a decoder raises is this photograph's failure.
"""

import io
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.images import PNG_SIGNATURE, RGB
from likeness.ingest import pages, png
from likeness.ingest.boxes import NO_BOXES, describe
from likeness.ingest.colour import CICP, plain_mode, to_srgb, told_encoding
from likeness.ingest.kinds import recognise, tags_of
from likeness.ingest.limits import PIXELS_PER_MEGAPIXEL, Limits, read_file, too_many_pixels, truncated
from likeness.ingest.unread import refuse_unread
from likeness.ingest.whole import load_whole

cast(Any, pillow_heif).register_heif_opener()

# Pillow's names of what is read -> the suffixes such files carry. Nothing else is tried: Pillow also opens
# formats that run other programs (EPS) or fetch a lot of rarely tested code.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    # Before HEIF: both may call themselves mif1, and only Pillow's AVIF looks at the other brands.
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif", ".hif"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
}

# MPO is what Pillow calls a JPEG with a second picture behind it, once it is open.
OPENED = tuple(name for name in SUFFIXES if name != "MPO")

# What Pillow says of data that do not decode -> words that say as much to a person.
NOT_DECODED, OTHER_SIZE = "its data do not decode", "its pixels are of another size than its header says"
PLAIN_WORDS = {
    "image file is truncated": "its data end before the picture does",
    "decoder error": NOT_DECODED,
    "cannot load this image": NOT_DECODED,
    "could not create decoder object": NOT_DECODED,
    "broken data stream": NOT_DECODED,
    "unrecognized data stream": NOT_DECODED,
    "codec configuration": NOT_DECODED,
    "tile cannot extend": NOT_DECODED,
    "Missing dimensions": "a page of it has no size",
    "not enough values to unpack": NOT_DECODED,
    "too many values to unpack": NOT_DECODED,
    "Invalid input: Invalid image size": OTHER_SIZE,
    "Memory allocation error: Security limit exceeded: Image size": OTHER_SIZE,
}
OF_A_DECODERS_CODE = (TypeError, AttributeError, LookupError, ArithmeticError, AssertionError, struct.error)

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

# What Pillow calls a picture's XMP, and how an orientation stands there: Pillow itself knows `="6"` and `>6` alone.
XMP = ("xmp", "XML:com.adobe.xmp")
XMP_ORIENTATION = re.compile(r"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])\b""")

ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})


@dataclass(frozen=True, kw_only=True)
class Photo:
    """Upright sRGB pixels, the format found by content, what was changed on the way, in words, and the file's own width
    and height."""

    rgb: RGB
    format: str
    notes: tuple[str, ...]
    stored_px: tuple[int, int]


def decode_photo(path: Path, limits: Limits, sha256: str | None = None) -> Photo:
    """Read one photograph: first frame, down-scaled, in sRGB, without alpha, upright. With `sha256`, only if its bytes are
    still those.

    Raises:
        InputError: `empty-file`, `file-too-large`, `too-many-pixels`, `not-an-image`, `camera-raw`, `unsupported-kind`,
            `unsupported-mode`, `unsupported-colour`, `truncated`, `unreadable-file`, `changed-while-read`, `out-of-memory`.
            Messages do not name the file: its bytes alone decide.
    """
    data = read_file(path, limits)
    if sha256 is not None and sha256_bytes(data) != sha256:
        raise InputError(
            "the file was changed while it was read",
            reason="changed-while-read",
            remedy="wait until nothing writes to the folder any more, and run the stage again",
            repeats=False,
        )
    try:
        recognise(data)
        return _decode(data, limits)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        promised = re.search(r"\((\d+) pixels\)", str(error))
        pixels = int(promised[1]) if promised else None
        measured = f"{pixels / PIXELS_PER_MEGAPIXEL:.0f} megapixels" if pixels else "very many pixels"
        raise too_many_pixels(measured, pixels, limits) from error
    except UnidentifiedImageError as error:
        refuse_unread(data, opened=False)
        raise truncated("its header does not read") from error
    except MemoryError as error:
        raise InputError(
            "there is not memory enough to decode it",
            reason="out-of-memory",
            remedy="scale it down, or lower items.workers so that fewer are decoded at a time",
            repeats=False,
        ) from error
    except Exception as error:  # whatever a decoder raises is this photograph's failure
        refuse_unread(data, opened=True)
        raise truncated(_in_our_words(error)) from error


def _in_our_words(error: Exception) -> str:
    said = " ".join(str(error).split())
    # What Python says of a decoder's code, and a number or a name within it, is nothing of the picture's.
    if " " not in said or (isinstance(error, OF_A_DECODERS_CODE) and said not in PLAIN_WORDS):
        return NOT_DECODED
    return next((words for start, words in PLAIN_WORDS.items() if said.startswith(start)), said)


def matches_suffix(name: str, format: str) -> bool:
    """Whether a file's name fits the format its content has."""
    return Path(name).suffix.lower() in SUFFIXES[format]


def _decode(data: bytes, limits: Limits) -> Photo:
    notes: list[str] = []
    embedded = None
    if data.startswith(PNG_SIGNATURE):
        embedded, data = png.profile(data), png.readable(data)
    image = Image.open(io.BytesIO(data), formats=OPENED)
    format = str(image.format)
    if format == "TIFF":
        pages.open_photograph(image, data, limits.max_megapixels * PIXELS_PER_MEGAPIXEL, notes)
    stored_px = image.size
    if stored_px[0] * stored_px[1] > limits.max_megapixels * PIXELS_PER_MEGAPIXEL:
        raise too_many_pixels(f"{stored_px[0]}x{stored_px[1]} px", stored_px[0] * stored_px[1], limits)
    boxes = describe(data) if format in {"HEIF", "AVIF"} else NO_BOXES
    if boxes.shown is not None:  # pillow-heif cuts while it decodes
        left, top, right, bottom = boxes.shown
        stored_px = right - left, bottom - top
        if boxes.is_cut:
            notes.append(f"cut to {stored_px[0]}x{stored_px[1]} px, as the file says (box clap)")
    # Pillow turns a TIFF itself while it loads, and then clears the tag.
    in_tags = EXIF_ORIENTATION in tags_of(image)
    stated = _orientation(image) if format == "TIFF" else 1
    ratio = limits.max_side_px / max(stored_px)
    covered = image.tile[0].extents if format == "GIF" and image.tile else None
    image = load_whole(image, data, ratio, notes)
    if covered is not None and covered != (0, 0, *stored_px):
        left, top, right, bottom = covered
        notes.append(f"its first frame covers {right - left}x{bottom - top} px of it; the rest is background")
    # Only now: reading metadata loads the pixels of some formats, and what that raises must not be taken for no metadata.
    left = _orientation(image)
    if format == "HEIF":
        # The boxes irot and imir turn a HEIF while it is decoded, and pillow-heif moves the EXIF tag that repeats them
        # here. A file without the boxes is turned by its tag alone.
        left = 1 if boxes.has_turn else image.info.get("original_orientation") or left
    if format == "HEIF" and (pictures := int(getattr(image, "n_frames", 1))) > 1:
        notes.append(f"the one of its {pictures} pictures taken that it names as its primary one")
    frames = png.frames(data) if format == "PNG" else int(getattr(image, "n_frames", 1))
    if format in ANIMATED and frames > 1:
        notes.append(f"first of {frames} frames taken")
    profile, told = embedded or image.info.get("icc_profile"), told_encoding(image, data, boxes.nclx)
    if format == "PNG" and png.content(data, CICP) is not None:
        profile = None
    flat, alpha = plain_mode(image, data, notes)
    if boxes.shown is not None and format == "AVIF":
        flat, alpha = flat.crop(boxes.shown), alpha and alpha.crop(boxes.shown)
    if ratio < 1:
        width, height = image.size if format == "TIFF" else stored_px
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        flat = flat.resize(size, Image.Resampling.LANCZOS)
        alpha = alpha.resize(size, Image.Resampling.LANCZOS) if alpha else None
        notes.append(f"down-scaled from {stored_px[0]}x{stored_px[1]} px")
    if "icc_profile" in image.info and not profile and told is None:
        notes.append("colour profile incomplete: ignored")
    flat = to_srgb(flat, profile, told, notes)
    if alpha is not None:
        notes.append(f"transparency laid on {list(limits.background_rgb)}")
        flat = Image.composite(flat, Image.new("RGB", flat.size, limits.background_rgb), alpha)
    if left in UPRIGHT:
        flat = flat.transpose(UPRIGHT[left])
    if boxes.is_turned:
        notes.append("turned upright (boxes irot and imir)")
    elif (turned := stated if stated in UPRIGHT else left) in UPRIGHT:
        who = "EXIF" if in_tags else _who_tells(image)
        notes.append(f"turned upright ({who} orientation {turned})")
    return Photo(rgb=np.array(flat, dtype=np.uint8), format=format, notes=tuple(notes), stored_px=stored_px)


def _orientation(image: Image.Image) -> int:
    try:
        orientation: object = image.getexif().get(EXIF_ORIENTATION)
    except Exception:  # metadata that does not read is no reason to lose the photo
        return 1
    if orientation is None:
        for text in (image.info[name] for name in XMP if name in image.info):
            words = text if isinstance(text, str) else text.decode("utf-8", "replace")
            if found := XMP_ORIENTATION.search(words):
                return int(found[1])
    return orientation if isinstance(orientation, int) else 1


def _who_tells(image: Image.Image) -> str:
    """Whose orientation it is: Pillow takes XMP's where EXIF has none."""
    bare = Image.new("1", (1, 1))
    bare.info = {name: text for name, text in image.info.items() if name not in XMP}
    return "EXIF" if image.info.get("original_orientation") or EXIF_ORIENTATION in bare.getexif() else "XMP"
