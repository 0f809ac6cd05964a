"""How many photographs with flipped bits are read though their pixels are wrong, by format: Pillow beside ingest.

    python -m bench.damaged [FILES]      prints a line a format; FILES (200) damaged files of each

Half of the files have one bit flipped, half a run of up to 64 bytes overwritten, anywhere behind the first 2 % of the
file. Wrong is a picture of which more than 1 % of the pixels differ by more than 32 levels in a channel, or whose size
differs.
"""

import io
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from likeness.images import RGB
from likeness.ingest.decode import OPENED, decode_photo
from likeness.ingest.limits import Limits

LIMITS = Limits(max_file_mb=200, max_megapixels=64, max_side_px=3072, background_rgb=(255, 255, 255))
SIDE_PX = 512
WRONG_LEVELS, WRONG_SHARE = 32, 0.01
FORMATS: dict[str, tuple[str, dict[str, object]]] = {
    "JPEG": ("JPEG", {"quality": 92}),
    "JPEG progressive": ("JPEG", {"quality": 92, "progressive": True}),
    "JPEG with restarts": ("JPEG", {"quality": 92, "restart_marker_rows": 1}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 90}),
    "WebP lossless": ("WEBP", {"lossless": True}),
    "HEIC": ("HEIF", {"quality": 90}),
    "AVIF": ("AVIF", {"quality": 80}),
    "TIFF raw": ("TIFF", {}),
    "TIFF LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "TIFF JPEG": ("TIFF", {"compression": "jpeg"}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
}


def main(files: int) -> None:
    """Print how many were read, and how many of these are wrong."""
    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    photo = Image.open("data/jade/raw/sources/jade_01.jpg").convert("RGB").resize((SIDE_PX, SIDE_PX))
    for name, (format, options) in FORMATS.items():
        buffer = io.BytesIO()
        photo.save(buffer, format, **options)
        data = buffer.getvalue()
        whole = _by_pillow(data)
        counts = {"Pillow": [0, 0], "ingest": [0, 0]}
        for number in range(files):
            bad = damaged(data, random.Random(f"{name} {number}"), burst=number % 2 == 1)
            for reader, read in (("Pillow", _by_pillow), ("ingest", _by_ingest)):
                try:
                    pixels = read(bad)
                except Exception:  # whatever a decoder raises is a refusal here
                    continue
                counts[reader][0] += 1
                counts[reader][1] += is_wrong(pixels, whole)
        told = "; ".join(
            f"{reader} reads {read}, {wrong} of them wrong" for reader, (read, wrong) in counts.items()
        )
        sys.stdout.write(f"{name} ({len(data)} bytes), {files} damaged: {told}\n")
        sys.stdout.flush()


def damaged(data: bytes, random_: random.Random, *, burst: bool) -> bytes:
    """One bit flipped, or a run of bytes overwritten."""
    found = bytearray(data)
    at = random_.randrange(len(found) // 50, len(found))
    if burst:
        run = random_.randint(2, 64)
        found[at : at + run] = random_.randbytes(len(found[at : at + run]))
    else:
        found[at] ^= 1 << random_.randrange(8)
    return bytes(found)


def is_wrong(pixels: RGB, whole: RGB) -> bool:
    """Whether a person would see it."""
    if pixels.shape != whole.shape:
        return True
    apart = np.abs(pixels.astype(np.int16) - whole.astype(np.int16)).max(axis=2)
    return bool((apart > WRONG_LEVELS).mean() > WRONG_SHARE)


def _by_pillow(data: bytes) -> RGB:
    image = Image.open(io.BytesIO(data), formats=OPENED)
    image.load()
    return np.asarray(image.convert("RGB"))


def _by_ingest(data: bytes) -> RGB:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        return decode_photo(Path(file.name), LIMITS).rgb


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
