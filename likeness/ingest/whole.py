"""A picture decoded whole: a JPEG or PNG that lacks nothing but the marker at its end is no truncated one, and a JPEG whose
data do not fit together is damaged, though Pillow shows something.
"""

import io
import re
import struct
import zlib

import simplejpeg  # pyright: ignore[reportMissingTypeStubs]
from PIL import Image, ImageChops

from likeness.ingest.limits import truncated

# ITU-T T.81, table B.1: the end of an image. PNG, 11.2.5: the last chunk.
JPEG_END = b"\xff\xd9"
PNG_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))

# What libjpeg warns of where the data do not fit together (jerror.h: JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_EXTRANEOUS_DATA,
# JWRN_MUST_RESYNC, JWRN_JPEG_EOF, JWRN_BOGUS_PROGRESSION); its other warnings are of headers, and change no pixel.
DAMAGE = re.compile(r"Corrupt JPEG data|Premature end|Inconsistent progression")
# Pillow asks libjpeg for pixels and drops its warnings; TurboJPEG raises them. Reduced by 8, it reads all data and makes few pixels.
REDUCTION = 8

# What a decoder takes for more of the picture where the picture is not at its end.
MORE = b"\x55\xaa\x33\xcc" * 64


def load_whole(image: Image.Image, data: bytes, ratio: float, notes: list[str]) -> Image.Image:
    """The picture opened from `data` with its pixels, a JPEG reduced where `ratio` is below 1.

    Raises:
        InputError: `truncated`, a JPEG's data do not fit together.
        OSError and whatever else a decoder raises: the picture is not whole.
    """
    is_jpeg = image.format in {"JPEG", "MPO"}
    try:
        whole = _load(image, ratio)
        if is_jpeg:
            refuse_damaged_jpeg(data, whole.mode)
        return whole
    except OSError:
        if is_jpeg and not data.endswith(JPEG_END):
            data = data.removesuffix(b"\xff")
            whole = _jpeg_without_its_end(data, ratio)
            refuse_damaged_jpeg(data + JPEG_END, image.mode)
        elif image.format == "PNG" and PNG_END not in data:
            whole = _load(Image.open(io.BytesIO(_whole_chunks(data) + PNG_END), formats=("PNG",)), ratio)
        else:
            raise
        if whole is None:
            raise
    notes.append(f"the marker that ends a {image.format} is missing; the picture is whole")
    return whole


def refuse_damaged_jpeg(data: bytes, mode: str) -> None:
    """Refuse a JPEG of which libjpeg says that its data are damaged; `mode` is Pillow's word for its colours.

    Raises:
        InputError: `truncated`, in libjpeg's words.
    """
    colours = "CMYK" if mode == "CMYK" else "GRAY"
    try:
        simplejpeg.decode_jpeg(data, colours, min_height=1, min_width=1, min_factor=REDUCTION, strict=True)
    except ValueError as error:
        if DAMAGE.search(str(error)):
            raise truncated(str(error)) from error


def _load(image: Image.Image, ratio: float) -> Image.Image:
    if ratio < 1 and image.format in {"JPEG", "MPO"}:
        # libjpeg reduces by 2, 4 or 8 while it decodes: less memory and time, never below the size asked for.
        image.draft(None, (int(image.width * ratio) + 1, int(image.height * ratio) + 1))
    image.load()
    return image


def _jpeg_without_its_end(data: bytes, ratio: float) -> Image.Image | None:
    """The picture if its data are complete: whatever follows them then changes nothing."""
    plain, longer = (
        _load(Image.open(io.BytesIO(data + more + JPEG_END), formats=("JPEG",)), ratio)
        for more in (b"", MORE)
    )
    same = ImageChops.difference(plain.convert("RGB"), longer.convert("RGB")).getbbox() is None
    return plain if same else None


def _whole_chunks(data: bytes) -> bytes:
    """A PNG up to the end of its last whole chunk; whether these hold the whole picture the decoder says."""
    at = end = 8
    while at + 8 <= len(data):
        at += 12 + struct.unpack_from(">I", data, at)[0]
        if at <= len(data):
            end = at
    return data[:end]
