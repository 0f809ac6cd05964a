"""likeness.ingest.strict: pictures of which a strip, a tile or a colour is not there, and a decoder shows them all the same."""

import io
import struct
import zlib
from pathlib import Path

import pytest
from ingest_pictures import LIMITS, refusal, tiff
from PIL import Image
from strict_pictures import encoded, picture, pixels_of, read

from likeness.ingest.boxes import coded
from likeness.ingest.decode import decode_photo


def test_a_tiff_with_fewer_strips_than_it_needs_is_damaged(tmp_path: Path) -> None:
    data = bytearray(encoded(picture(), "TIFF"))
    Image.open(io.BytesIO(data)).load()
    at = data.index(b"\x1c\x01\x03\x00\x01\x00\x00\x00") + 8  # PlanarConfiguration: each colour on its own
    data[at] = 2
    assert read(tmp_path / "a", bytes(data)) is None


def tiles_of(data: bytes) -> list[int]:
    """Where the entry of each tile stands in a HEIC's box iloc: base, one piece, its offset from there and its length."""
    found: list[int] = []
    for _, pixels in coded(data):
        entry = struct.pack(">IHII", data.index(pixels), 1, 0, len(pixels))
        found.append(data.index(entry, data.index(b"iloc")))
    return found


@pytest.mark.parametrize("place", [(0, 0), (10**9, 4000), "cut", "of another"])
def test_a_heic_that_lacks_a_tile_is_not_whole_though_libheif_shows_it(tmp_path: Path, place) -> None:
    whole = encoded(picture(), "HEIF", quality=90, tile_size=64)
    entries = tiles_of(whole)
    assert len(entries) == 9
    assert read(tmp_path / "a", whole) is not None
    if place == "cut":  # a copy that stopped between two tiles
        at, _, _, size = struct.unpack_from(">IHII", whole, entries[6])
        bad = whole[: at + size]
    else:
        of_another = struct.unpack_from(">I6xI", whole, entries[3])
        at, size = of_another if place == "of another" else place
        bad = bytearray(whole)
        struct.pack_into(">IHII", bad, entries[4], at, 1, 0, size)
    assert pixels_of(bytes(bad)) is not None
    assert read(tmp_path / "a", bytes(bad)) is None


def test_a_tile_that_decodes_to_nothing_is_missing(tmp_path: Path) -> None:
    bad = bytearray(encoded(picture(), "HEIF", quality=90, tile_size=64))
    at, size = struct.unpack_from(">I6xI", bad, tiles_of(bytes(bad))[4])
    bad[at : at + size] = bytes(size)
    assert pixels_of(bytes(bad)) is not None
    assert read(tmp_path / "a", bytes(bad)) is None


@pytest.mark.parametrize("place", [0, 4, "same"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_a_tiff_of_which_a_strip_has_no_data_of_its_own_is_damaged(
    tmp_path: Path, compression, place
) -> None:
    data = bytearray(encoded(picture(), "TIFF", compression=compression, tiffinfo={278: 40}))
    assert read(tmp_path / "a", bytes(data)) is not None
    with Image.open(io.BytesIO(data)) as image:
        offsets = image.tag_v2[273]
    assert len(offsets) == 4
    at = data.index(struct.pack("<4I", *offsets))
    struct.pack_into("<I", data, at + 8, offsets[1] if place == "same" else place)
    assert read(tmp_path / "a", bytes(data)) is None


@pytest.mark.parametrize(("tag", "value"), [(256, 152), (257, 90)])
def test_a_plain_tiff_whose_size_does_not_fit_its_strips_is_damaged(
    tmp_path: Path, tag: int, value: int
) -> None:
    data = bytearray(encoded(picture(), "TIFF", tiffinfo={278: 40}))
    at = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
    assert struct.unpack_from("<I", data, at) == (160,)
    struct.pack_into("<I", data, at, value)
    assert pixels_of(bytes(data)) is not None
    assert read(tmp_path / "a", bytes(data)) is None


def test_a_png_whose_pixels_name_colours_that_its_palette_lacks_is_damaged(tmp_path: Path) -> None:
    whole = encoded(picture().quantize(64), "PNG")
    assert read(tmp_path / "a", whole) is not None
    at = whole.index(b"PLTE")
    short = whole[at : at + 4 + 30]
    bad = (
        whole[: at - 4]
        + struct.pack(">I", 30)
        + short
        + struct.pack(">I", zlib.crc32(short))
        + whole[at + 4 + 192 + 4 :]
    )
    assert pixels_of(bad) is not None
    assert read(tmp_path / "a", bad) is None


@pytest.mark.parametrize("where", ["interchange", "strip", "tables apart"])
def test_an_old_jpeg_in_a_tiff_is_read_whole_and_refused_in_part(tmp_path: Path, where: str) -> None:
    """TIFF 6.0, section 22: libtiff makes the rest grey and says nothing."""
    jpeg = encoded(Image.effect_noise((96, 64), 60).convert("RGB"), "JPEG", quality=90, subsampling=0)
    scan = jpeg.index(b"\xff\xda")
    scan += 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")
    usual = {256: (3, 96), 257: (3, 64), 258: (3, 8), 259: (3, 6), 262: (3, 6), 277: (3, 3), 278: (3, 64)}
    apart = {
        "strip": {},
        "interchange": {513: (4, 0), 514: (4, 0)},
        "tables apart": {513: (4, 0), 514: (4, scan)},
    }
    for end, is_whole in ((len(jpeg), True), (len(jpeg) * 2 // 3, False)):
        tags = usual | apart[where]
        start = 8 + 2 + 12 * (len(tags) + 2) + 4
        if 513 in tags:
            tags |= {513: (4, start), 514: (4, scan if where == "tables apart" else end)}
        data = bytearray(tiff(tags, jpeg[:end]))
        if where == "tables apart":  # the strip begins behind them
            at = data.index(struct.pack("<HHII", 273, 4, 1, start))
            data[at : at + 12] = struct.pack("<HHII", 273, 4, 1, start + scan)
            at = data.index(struct.pack("<HHI", 279, 4, 1))
            data[at : at + 12] = struct.pack("<HHII", 279, 4, 1, end - scan)
        (tmp_path / "a.tif").write_bytes(data)
        if is_whole:
            assert decode_photo(tmp_path / "a.tif", LIMITS).rgb.std() > 20
        else:
            assert refusal(tmp_path / "a.tif", bytes(data)).reason == "truncated"
