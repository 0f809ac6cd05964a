"""Reads a picture's marks of origin: C2PA, XMP, and the mark in its pixels. Needs only the file.

With a registry a mark is told whose it is. Without one, a mark that C2PA names is compared with the pixels; where the
metadata were stripped, only a registry can tell a mark from chance.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from likeness.errors import InputError
from likeness.formatting import format_bytes
from likeness.images import (
    DECODER_ERRORS,
    FORMATS,
    PNG_SIGNATURE,
    RGB,
    jpeg_segments,
    mime_of,
    png_chunks,
    riff_chunks,
)
from likeness.marks import claims, xmp
from likeness.marks.pdq import NEAR, pdq
from likeness.marks.pixels import LOOKS, chances, matching, read_values
from likeness.marks.registry import Registry

FALSE_ALARMS = 1e-6
"""A mark is found where an unmarked picture would look like it at most so often."""

PDQ_CHANCE = 1e-3
"""How often PDQ takes an unmarked picture for one of a publication, at most: assumed, not measured (docs/marks.md)."""

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp")
MAX_FILE_BYTES = 256 * 2**20
MAX_PIXELS = 120_000_000
MAX_PARTS = 65_536
"""Segments or chunks: a picture of 256 MiB with profiles, maps and a C2PA statement has some 5,000."""

Outcome = Literal["made by likeness", "says that it is made by AI", "no mark found"]


@dataclass(frozen=True, kw_only=True)
class PixelMark:
    """A mark in the pixels: `chance` is how often an unmarked picture would look so."""

    mark: str
    bits: int
    chance: float
    pdq_bits: int | None
    persona: str | None


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What one file says; `notes` are what does not hold or could not be looked at."""

    file: str
    outcome: Outcome
    c2pa: claims.Found | None = None
    xmp: str | None = None
    pixels: PixelMark | None = None
    notes: tuple[str, ...]


def detect_all(path: Path, registry: Registry) -> Iterator[Detected]:
    """Every picture of a file or folder, in the order of names.

    Raises:
        InputError: `missing-file`.
    """
    if path.is_dir():
        for folder, names, files in os.walk(path):
            names.sort()
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES):
                    yield detect(Path(folder) / name, registry)
    elif path.is_file():
        yield detect(path, registry)
    else:
        raise InputError(
            f"{path} is neither a file nor a folder", reason="missing-file", remedy="give a picture's path"
        )


def detect(path: Path, registry: Registry) -> Detected:
    """What this file says. A file that cannot be read is told so, and is no error."""
    if not path.is_file():
        return _nothing(path, "is not a regular file")
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        return _nothing(
            path,
            f"has {format_bytes(size)}, more than the {format_bytes(MAX_FILE_BYTES)} that are read as one picture; "
            "`likeness verify` reads archives",
        )
    data = path.read_bytes()
    try:
        rgb = open_rgb(data)
    except InputError as error:
        return _nothing(path, error.message)
    mime = mime_of(data)
    found = claims.read(data, mime) if mime else None
    code, notes = xmp.find_code(data), list[str]()
    if found is not None and not found.valid:
        notes.append(f"the C2PA statement does not hold: {', '.join(found.problems)}")
    # A statement that does not hold may name whatever these pixels happen to show.
    named = found.mark if found is not None and found.valid else None
    pixels = pixel_mark(rgb, registry, named)
    if found is not None and found.mark and (pixels is None or pixels.mark != found.mark):
        notes.append("the pixels do not carry the mark that the C2PA statement names")
    ours = pixels is not None or (found is not None and found.valid and bool(found.publication))
    said = code is not None or (found is not None and found.source_type is not None)
    outcome: Outcome = (
        "made by likeness" if ours else "says that it is made by AI" if said else "no mark found"
    )
    return Detected(
        file=str(path),
        outcome=outcome,
        c2pa=found,
        xmp=code and code.value,
        pixels=pixels,
        notes=tuple(notes),
    )


def pixel_mark(rgb: RGB, registry: Registry, named: str | None = None) -> PixelMark | None:
    """The mark in these pixels that the registry, or the file's own statement (`named`), if it holds, knows."""
    marks: list[str] = sorted({*registry.publications, *([named] if named else [])})
    if not marks or min(rgb.shape[:2]) < 2:
        return None
    near, publications = registry.nearest(pdq(rgb)), registry.publications
    best: PixelMark | None = None
    for scale, side in LOOKS:
        values = read_values(rgb, scale, side)
        for mark, share in zip(marks, chances(values, [int(mark, 16) for mark in marks]), strict=True):
            apart, bits, looks = near.get(mark), matching(values, int(mark, 16)), share * len(LOOKS)
            # Where PDQ agrees only this publication is asked; else each known mark is one more chance to be wrong.
            looks *= PDQ_CHANCE if apart is not None and apart <= NEAR else len(marks)
            if looks <= FALSE_ALARMS and (best is None or looks < best.chance):
                persona = publications[mark].persona if mark in publications else None
                best = PixelMark(mark=mark, bits=bits, chance=looks, pdq_bits=apart, persona=persona)
        if best is not None:
            return best
    return None


def has_too_many_parts(data: bytes) -> bool:
    """Whether a file is made of so many segments or chunks that every reader of pictures would take minutes and gigabytes for them."""
    parts: Iterator[object] = iter(())
    if data.startswith(b"\xff\xd8"):
        parts = jpeg_segments(data)
    elif data.startswith(PNG_SIGNATURE):
        parts = png_chunks(data)
    elif data.startswith(b"RIFF"):
        parts = riff_chunks(data, 12)
    return next(islice(parts, MAX_PARTS, None), None) is not None


def open_rgb(data: bytes) -> RGB:
    """A stranger's JPEG, PNG or WebP as uint8 [H, W, 3] RGB.

    Raises:
        InputError: `unreadable`, also where the header promises more than MAX_PIXELS, or it has more than MAX_PARTS.
    """
    if has_too_many_parts(data):
        raise InputError(
            f"has more than {MAX_PARTS:,} parts", reason="unreadable", remedy="export it anew as JPEG or PNG"
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(
                    f"has {image.width}x{image.height} pixels",
                    reason="unreadable",
                    remedy=f"scale it down to {MAX_PIXELS:,} pixels or fewer",
                )
            return np.array(image.convert("RGB"), dtype=np.uint8)
    except DECODER_ERRORS as error:
        raise InputError(
            f"is not a picture that can be read ({type(error).__name__})",
            reason="unreadable",
            remedy="export it as JPEG or PNG in a program that shows it",
        ) from error


def _nothing(path: Path, why: str) -> Detected:
    return Detected(file=str(path), outcome="no mark found", notes=(f"the file {why}",))
