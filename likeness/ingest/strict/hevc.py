"""HEIC: libde265 warns where the data of a picture do not fit together, and libheif leaves pieces black whose data are missing;
pillow-heif drops what both say.

Source: libde265/de265.h (libde265 1.1).
"""

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any

import _pillow_heif  # pyright: ignore[reportMissingImports]
from PIL import Image

from likeness.ingest.boxes import coded
from likeness.ingest.limits import truncated

# Every error but DE265_ERROR_WAITING_FOR_INPUT_DATA, and the warnings DE265_WARNING_ PREMATURE_END_OF_SLICE_SEGMENT,
# INCORRECT_ENTRY_POINT_OFFSET, CTB_OUTSIDE_IMAGE_AREA, SLICEHEADER_INVALID, EOSS_BIT_NOT_SET; the others are of headers and of
# other pictures.
WARNINGS, WAITING = 1000, 13
DAMAGE = frozenset({1002, 1003, 1004, 1007, 1017})
# ISO 14496-15, HEVCDecoderConfigurationRecord: bytes before the arrays of NAL units.
ARRAYS = 22


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a HEIC of which a piece is missing, or in which the decoder meets data that do not fit together.

    Raises:
        InputError: `truncated`, in libde265's words or ours. struct.error, IndexError: its boxes do not read.
    """
    parts, library = coded(data), _library()
    for number, (setup, pixels) in enumerate(parts, start=1):
        if not pixels:
            raise truncated(f"of the {len(parts)} pieces that it is laid out of, number {number} is missing")
        if library is None:  # pillow-heif's own wheels have it
            continue
        units = [*_parameter_sets(setup), *_units(pixels, 0, 1 + (setup[21] & 3))]
        if (damage := _damage(library, units)) is not None:
            raise truncated(damage)


@cache
def _library() -> Any:
    """libde265, found among what pillow-heif is linked with."""
    library: Any = ctypes.CDLL(_pillow_heif.__file__)
    try:
        library.de265_new_decoder.restype = ctypes.c_void_p
        library.de265_get_error_text.restype = ctypes.c_char_p
        pointer, number = ctypes.c_void_p, ctypes.c_int
        library.de265_push_NAL.argtypes = [pointer, ctypes.c_char_p, number, ctypes.c_int64, pointer]
        library.de265_decode.argtypes = [pointer, ctypes.POINTER(number)]
        for name in ("de265_flush_data", "de265_get_warning", "de265_get_next_picture", "de265_free_decoder"):
            getattr(library, name).argtypes = [pointer]
        library.de265_get_next_picture.restype = pointer
    except AttributeError:
        return None
    return library


def _damage(library: Any, units: list[bytes]) -> str | None:
    """What the decoder says of data that do not fit together: an error, a warning, or no picture."""
    decoder = library.de265_new_decoder()
    try:
        for unit in units:
            library.de265_push_NAL(decoder, unit, len(unit), 0, None)
        library.de265_flush_data(decoder)
        error, more = 0, ctypes.c_int(1)
        for _ in range(len(units) + 1):  # each call takes one unit
            error = library.de265_decode(decoder, ctypes.byref(more))
            if error or not more.value:
                break
        said = [] if error in (0, WAITING) else [error]
        while warning := library.de265_get_warning(decoder):
            said.append(warning)
        for code in said:
            if code < WARNINGS or code in DAMAGE:
                return library.de265_get_error_text(code).decode("ascii", "replace")
        return None if library.de265_get_next_picture(decoder) else "no picture is in its data"
    finally:
        library.de265_free_decoder(decoder)


def _parameter_sets(setup: bytes) -> Iterator[bytes]:
    at = ARRAYS + 1
    for _ in range(setup[ARRAYS]):
        count, at = int.from_bytes(setup[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            size = int.from_bytes(setup[at : at + 2], "big")
            yield setup[at + 2 : at + 2 + size]
            at += 2 + size


def _units(data: bytes, at: int, size_bytes: int) -> Iterator[bytes]:
    """NAL units, each after its length."""
    while at + size_bytes < len(data):
        size, at = int.from_bytes(data[at : at + size_bytes], "big"), at + size_bytes
        yield data[at : at + size]
        at += size
