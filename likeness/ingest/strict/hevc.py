"""HEIC: libde265 warns where the data of a picture do not fit together; libheif and pillow-heif drop its warnings.

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

# DE265_ERROR_CODED_PARAMETER_OUT_OF_RANGE, DE265_WARNING_ PREMATURE_END_OF_SLICE_SEGMENT, INCORRECT_ENTRY_POINT_OFFSET,
# CTB_OUTSIDE_IMAGE_AREA, SLICEHEADER_INVALID, EOSS_BIT_NOT_SET; the others are of headers and of other pictures.
DAMAGE = frozenset({8, 1002, 1003, 1004, 1007, 1017})
# ISO 14496-15, HEVCDecoderConfigurationRecord: bytes before the arrays of NAL units.
ARRAYS = 22


def check(data: bytes, image: Image.Image) -> None:
    """Refuse a HEIC in which the decoder meets data that do not fit together.

    Raises:
        InputError: `truncated`, in libde265's words. struct.error, IndexError: its boxes do not read.
    """
    if (library := _library()) is None:  # pillow-heif's own wheels have it
        return
    for setup, pixels in coded(data):
        for warning in _warnings(library, [*_parameter_sets(setup), *_units(pixels, 0, 1 + (setup[21] & 3))]):
            if warning in DAMAGE:
                raise truncated(library.de265_get_error_text(warning).decode("ascii", "replace"))


@cache
def _library() -> Any:
    """libde265, found among what pillow-heif is linked with."""
    library: Any = ctypes.CDLL(_pillow_heif.__file__)
    try:
        library.de265_new_decoder.restype = ctypes.c_void_p
        library.de265_get_error_text.restype = ctypes.c_char_p
        library.de265_push_NAL.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_int64,
            ctypes.c_void_p,
        ]
        library.de265_decode.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
        for name in ("de265_flush_data", "de265_get_warning", "de265_free_decoder"):
            getattr(library, name).argtypes = [ctypes.c_void_p]
    except AttributeError:
        return None
    return library


def _warnings(library: Any, units: list[bytes]) -> list[int]:
    """What the decoder warns of."""
    decoder = library.de265_new_decoder()
    try:
        for unit in units:
            library.de265_push_NAL(decoder, unit, len(unit), 0, None)
        library.de265_flush_data(decoder)
        more = ctypes.c_int(1)
        for _ in range(
            len(units) + 1
        ):  # each call takes one unit; an error the reader of the picture has met, too
            if library.de265_decode(decoder, ctypes.byref(more)) or not more.value:
                break
        warnings: list[int] = []
        while warning := library.de265_get_warning(decoder):
            warnings.append(warning)
        return warnings
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
