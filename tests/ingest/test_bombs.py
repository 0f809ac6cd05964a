"""Files that would become far more pixels than they have bytes are refused from their headers."""

import io
import struct
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import pytest
from ingest_files import reason
from ingest_pictures import (
    LIMITS,
    corners,
)

from likeness.errors import InputError
from likeness.ingest.decode import decode_photo


@cache
def png_bomb(side_px: int) -> bytes:
    """A valid PNG header that promises side x side pixels; zlib packs the zeros a thousandfold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = b"\0" * (side_px * 3 + 1)
    data = b"".join(packer.compress(row) for _ in range(200)) + packer.flush()
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side_px", [1500, 12_000, 30_000, 60_000])
def test_a_bomb_is_refused_from_its_header(tmp_path: Path, side_px: int) -> None:
    (tmp_path / "bomb.png").write_bytes(png_bomb(side_px))
    assert reason(tmp_path / "bomb.png") == "too-many-pixels"


def webp_bomb() -> bytes:
    """A small WebP whose header (RFC 9649, "VP8L": 14 bits a side) promises 16383x16383 pixels."""
    buffer = io.BytesIO()
    corners().save(buffer, "WEBP", lossless=True)
    data = bytearray(buffer.getvalue())
    at = data.index(b"VP8L") + 9
    sizes = int.from_bytes(data[at : at + 4], "little") & ~0xFFFFFFF | 16382 | 16382 << 14
    data[at : at + 4] = sizes.to_bytes(4, "little")
    return bytes(data)


MEASURE = """
import resource, sys
from pathlib import Path
from likeness.errors import InputError
from likeness.ingest.decode import Limits, decode_photo
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
limits = Limits(max_file_mb=50, max_megapixels=64, max_side_px=2048, background_rgb=(255, 255, 255))
before, reasons = peak(), []
for path in sys.argv[1:]:
    try:
        decode_photo(Path(path), limits)
    except InputError as error:
        reasons.append(error.reason)
print(peak() - before, *reasons)
"""


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(30_000))
    header = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + b"\0" * 6
    (tmp_path / "b.gif").write_bytes(
        header + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\2\2\x4c\1\0;"
    )
    (tmp_path / "c.webp").write_bytes(webp_bomb())
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    run = subprocess.run([sys.executable, "-c", MEASURE, *files], capture_output=True, text=True, check=True)
    grown_kib, *reasons = run.stdout.split()
    assert reasons == ["too-many-pixels"] * 3
    assert int(grown_kib) < 60_000  # the three pictures would take 2.7, 4.3 and 0.8 GB


def test_bombs_are_told_in_our_words(tmp_path: Path) -> None:
    for side_px in (1500, 30_000):
        (tmp_path / "bomb.png").write_bytes(png_bomb(side_px))
        with pytest.raises(InputError) as caught:
            decode_photo(tmp_path / "bomb.png", LIMITS)
        assert "ingest.max_megapixels 2" in caught.value.message
        assert "DOS" not in caught.value.message
        # No setting reads what Pillow never opens.
        assert ("raise ingest.max_megapixels" in caught.value.remedy) == (side_px == 1500)
