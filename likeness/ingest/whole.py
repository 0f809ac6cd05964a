"""A picture decoded whole: a JPEG or PNG that lacks nothing but the marker at its end is no truncated one, and a picture whose
data do not fit together is damaged, though Pillow shows something.
"""

import io
import struct
import zlib

from PIL import Image, ImageChops

from likeness.images import PNG_SIGNATURE
from likeness.ingest import png
from likeness.ingest.strict import refuse_damaged

# ITU-T T.81, table B.1: the end of an image. PNG, 11.2.5: the last chunk.
JPEG_END = b"\xff\xd9"
PNG_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))

# What a decoder takes for more of the picture where the picture is not at its end.
MORE = b"\x55\xaa\x33\xcc" * 64


def load_whole(image: Image.Image, data: bytes, ratio: float, notes: list[str]) -> Image.Image:
    """The picture opened from `data` with its pixels, a JPEG reduced where `ratio` is below 1.

    Raises:
        InputError: `truncated`, its data do not fit together.
        OSError and whatever else a decoder raises: the picture is not whole.
    """
    try:
        whole = _load(image, ratio)
        refuse_damaged(data, whole)
        return whole
    except OSError:
        if image.format in {"JPEG", "MPO"} and not data.endswith(JPEG_END):
            data = data.removesuffix(b"\xff")
            whole = _jpeg_without_its_end(data, ratio)
            refuse_damaged(data + JPEG_END, whole or image)
        elif image.format == "PNG" and PNG_END not in data:
            data = _whole_chunks(data) + PNG_END
            whole = _load(Image.open(io.BytesIO(data), formats=("PNG",)), ratio)
            refuse_damaged(data, whole)
        else:
            raise
        if whole is None:
            raise
    notes.append(f"the marker that ends a {image.format} is missing; the picture is whole")
    return whole


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
    return data[: max((end for _, _, end in png.chunks(data)), default=len(PNG_SIGNATURE))]
