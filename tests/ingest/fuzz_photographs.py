"""Broken photographs of all formats through the decoder; a program of its own, so that a crash or a hang is seen.

`python fuzz_photographs.py SECONDS SEED` prints a JSON line: files, escapes (what was no InputError), the slowest file in
seconds, and how many bytes the program grew by.
"""

import io
import json
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from likeness.errors import InputError
from likeness.ingest.decode import Limits, decode_photo

LIMITS = Limits(max_file_mb=200, max_megapixels=64, max_side_px=3072, background_rgb=(255, 255, 255))
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\1\0\0", b"\1\0\0\0", b"\0\0\xff\xff")


def originals() -> list[tuple[str, bytes]]:
    """Small whole pictures of every format that is read, with metadata, profiles, frames and depths."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (48, 64), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8769] = {0xA001: 0xFFFF}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told = {"exif": exif.tobytes(), "icc_profile": profile}
    more = {"save_all": True}
    saved: list[tuple[str, Image.Image, dict[str, object]]] = [
        ("JPEG", noise, told), ("JPEG", noise, {"progressive": True}), ("JPEG", noise.convert("CMYK"), {}),
        ("MPO", noise, more), ("PNG", noise, told), ("PNG", noise.convert("P"), {}), ("PNG", deep, {}),
        ("PNG", noise.convert("RGBA"), more), ("WEBP", noise, told), ("WEBP", noise, more | {"lossless": True}),
        ("HEIF", noise, told), ("HEIF", noise.convert("RGBA"), {}), ("HEIF", noise, more), ("AVIF", noise, told),
        ("AVIF", noise, more), ("TIFF", noise, told), ("TIFF", deep, {}), ("TIFF", noise, more),
        ("TIFF", noise, {"compression": "tiff_lzw"}), ("TIFF", noise, {"compression": "tiff_adobe_deflate"}),
        ("HEIF", noise.resize((128, 128)), {"tile_size": 64}), ("GIF", noise.convert("L"), {}),
        ("TIFF", noise.convert("1"), {"compression": "group4"}), ("TIFF", noise, {"compression": "jpeg"}),
        ("GIF", noise, more), ("BMP", noise, {}), ("BMP", noise.convert("P"), {}),
    ]  # fmt: skip
    found: list[tuple[str, bytes]] = []
    for format, image, options in saved:
        buffer = io.BytesIO()
        if "save_all" in options:  # made anew: saving leaves settings of the encoder on an image
            options = options | {"append_images": [Image.new("RGB", (64, 48)), noise.rotate(180)]}
        image.copy().save(buffer, format, **options)
        found.append((format, buffer.getvalue()))
    return found


def mutate(data: bytes, random_: random.Random) -> bytes:
    """The bytes with one to four things changed: bits, lengths, order, an end that is missing."""
    found = bytearray(data)
    for _ in range(random_.randint(1, 4)):
        # Headers matter more than pixels.
        reach = len(found) if random_.random() < 0.5 else min(len(found), 400)
        at = random_.randrange(max(1, reach))
        match random_.randrange(7):
            case 0:
                found[at : at + 1] = bytes([found[at] ^ 1 << random_.randrange(8)]) if found else b""
            case 1:
                found[at : at + 4] = random_.choice(EXTREMES)
            case 2:
                del found[at:]
            case 3:
                del found[at : at + random_.randint(1, 40)]
            case 4:
                found[at:at] = random_.randbytes(random_.randint(1, 40))
            case 5:
                found[at:at] = found[at : at + random_.randint(1, 200)]
            case _:
                found[at : at + 2] = struct.pack(random_.choice("<>") + "H", random_.randrange(65536))
    return bytes(found)


def main(seconds: float, seed: int) -> None:
    """Decode mutated files until the time is over."""
    warnings.simplefilter("ignore")
    random_, pictures = random.Random(seed), originals()
    path = Path(tempfile.mkdtemp()) / "photo"
    for _, data in pictures:
        path.write_bytes(data)
        decode_photo(path, LIMITS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    escapes, reasons, slowest, files = list[str](), Counter[str](), 0.0, 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        format, data = random_.choice(pictures)
        path.write_bytes(mutate(data, random_))
        # The time of this program alone: the machine may be busy.
        started = time.process_time()
        try:
            decode_photo(path, LIMITS)
            reasons["read"] += 1
        except InputError as error:
            reasons[error.reason] += 1
        except BaseException as error:
            escapes.append(f"{format}: {type(error).__name__}: {error}")
        slowest, files = max(slowest, time.process_time() - started), files + 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    told = {"files": files, "escapes": escapes, "slowest_s": slowest, "grown": grown, "reasons": reasons}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
