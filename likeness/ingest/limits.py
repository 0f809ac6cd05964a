"""The limits on reading a file, and the refusals that name them."""

import stat
from dataclasses import dataclass, fields
from pathlib import Path

from likeness.errors import InputError
from likeness.ingest import IngestConfig

BYTES_PER_MB = 1_000_000
PIXELS_PER_MEGAPIXEL = 1_000_000
# Pillow itself opens nothing larger (twice Image.MAX_IMAGE_PIXELS).
PILLOW_MEGAPIXELS = 178


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is read, and what it becomes: sizes are refused from the header, `max_side_px` scales down."""

    max_file_mb: float
    max_megapixels: float
    max_side_px: int
    background_rgb: tuple[int, int, int]


def limits_of(cfg: IngestConfig) -> Limits:
    """The part of the settings that decides how a file is read."""
    return Limits(**{one.name: getattr(cfg, one.name) for one in fields(Limits)})


def read_file(path: Path, limits: Limits) -> bytes:
    """All bytes of a file.

    Raises:
        InputError: `unreadable-file`, `not-a-file`, `empty-file`, `file-too-large`.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # a device has no size and no end, a pipe waits
            raise InputError(
                "it is a device, a pipe or a socket, or a link to one",
                reason="not-a-file",
                remedy="copy the photograph itself there",
                kind="refused",
            )
        if about.st_size > limits.max_file_mb * BYTES_PER_MB:
            raise InputError(
                f"the file has {about.st_size / BYTES_PER_MB:.1f} MB, the limit is ingest.max_file_mb {limits.max_file_mb:g}",
                reason="file-too-large",
                remedy="save it as JPEG, or raise ingest.max_file_mb",
                kind="refused",
            )
        with path.open("rb") as file:
            data = file.read(int(limits.max_file_mb * BYTES_PER_MB) + 1)
    except OSError as error:
        raise unreadable(error) from error
    if not data:
        remedy = "copy it again from where it came from"
        raise InputError("the file is empty (0 bytes)", reason="empty-file", remedy=remedy)
    return data


def unreadable(error: OSError) -> InputError:
    """The failure of a file that the system does not read."""
    return InputError(
        f"the file cannot be read: {error.strerror}",
        reason="unreadable-file",
        remedy="check the link or the permissions, or remove it from the folder",
        repeats=False,
    )


def too_many_pixels(measured: str, pixels: int | None, limits: Limits) -> InputError:
    """The refusal of a picture whose header promises `measured`, which are `pixels` where that is known."""
    more = pixels is None or pixels <= PILLOW_MEGAPIXELS * PIXELS_PER_MEGAPIXEL
    return InputError(
        f"{measured}, the limit is ingest.max_megapixels {limits.max_megapixels:g} (read from the header)",
        reason="too-many-pixels",
        remedy=f"scale it down, or raise ingest.max_megapixels (up to {PILLOW_MEGAPIXELS}) if the memory allows: about "
        "16 bytes a pixel"
        if more
        else f"scale it down: more than {PILLOW_MEGAPIXELS} megapixels are never read",
        kind="refused",
    )


def truncated(what: str) -> InputError:
    """The failure of a picture that a decoder cannot read to its end."""
    return InputError(
        f"the picture ends early or is damaged: {what}",
        reason="truncated",
        remedy="copy it again from where it came from; if another program shows it whole, export it there as JPEG or PNG",
    )
