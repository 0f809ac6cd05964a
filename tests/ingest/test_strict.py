"""likeness.ingest.strict: what a decoder shows although the data do not fit together."""

import io
import random
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from strict_pictures import encoded, picture, pixels_of, read

from bench.damaged import damaged, is_wrong
from likeness.errors import InputError
from likeness.ingest.strict import gif
from likeness.ingest.strict.lzw import unpacked_length
from likeness.ingest.strict.seam import edge_of_moved_blocks

pillow_heif.register_heif_opener()


def scans_of(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]


@pytest.mark.parametrize("colours", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("ended", [True, False])
def test_a_progressive_jpeg_that_lacks_scans_is_not_whole(tmp_path, colours, ended):
    data = encoded(picture().convert(colours), "JPEG", progressive=True, quality=90)
    assert read(tmp_path / "whole.jpg", data) is not None
    for at in scans_of(data)[1:]:  # a download that stopped between two scans
        cut = data[:at] + b"\xff\xd9" * ended
        assert pixels_of(cut + b"\xff\xd9" * (not ended)) is not None
        assert read(tmp_path / "cut.jpg", cut) is None
    assert read(tmp_path / "end.jpg", data[:-2]) is not None


@pytest.mark.parametrize(
    "options",
    [{"restart_marker_blocks": 2}, {"restart_marker_rows": 1}, {"optimize": True}, {"subsampling": 0}],
)
@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_with_all_its_scans_is_whole(tmp_path, progressive, options):
    data = encoded(picture(), "JPEG", progressive=progressive, **options)
    assert read(tmp_path / "a.jpg", data) is not None


# Of wrong pictures that Pillow shows, how many may be read: the rest of what strict reading cannot notice.
FORMATS = {
    "JPEG": ("JPEG", {"quality": 92}, 0.3),
    "JPEG in colours of full size": ("JPEG", {"quality": 92, "subsampling": 0}, 0.1),
    "JPEG with restarts": ("JPEG", {"quality": 92, "restart_marker_rows": 1}, 0.15),
    "WebP": ("WEBP", {"quality": 90}, 0.05),
    "HEIC": ("HEIF", {"quality": 90}, 0.1),
    "HEIC in tiles": ("HEIF", {"quality": 90, "tile_size": 64}, 0.1),
    "TIFF LZW": ("TIFF", {"compression": "tiff_lzw"}, 0.1),
    "TIFF deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}, 0.0),
    "TIFF JPEG": ("TIFF", {"compression": "jpeg"}, 0.15),
    "GIF": ("GIF", {}, 0.0),
}


@pytest.mark.parametrize("name", FORMATS)
def test_of_pictures_that_pillow_shows_wrongly_most_are_refused_as_damaged(tmp_path: Path, name: str) -> None:
    format, options, share = FORMATS[name]
    whole = encoded(picture(), format, **options)
    intact, wrong, passed = read(tmp_path / "a", whole), 0, 0
    assert intact is not None
    for number in range(60):
        bad = damaged(whole, random.Random(number), burst=number % 2 == 1)
        shown = pixels_of(bad)
        if shown is None or not is_wrong(shown, intact):
            continue
        wrong += 1
        passed += read(tmp_path / "a", bad) is not None
    assert wrong >= 5
    assert passed <= share * wrong


@pytest.mark.parametrize("side_px", [1, 40, 400])
@pytest.mark.parametrize("colours", [1, 2, 256])
def test_lzw_data_are_as_long_as_what_they_unpack_to(side_px: int, colours: int) -> None:
    rng = np.random.default_rng(colours)
    image = Image.fromarray(rng.integers(0, colours, (side_px, side_px), dtype=np.uint8), "L")
    data = encoded(image, "TIFF", compression="tiff_lzw")
    tags = Image.open(io.BytesIO(data)).tag_v2
    strips = [data[at : at + size] for at, size in zip(tags[273], tags[279], strict=True)]
    assert sum(unpacked_length(strip, value_bits=8, gif=False) for strip in strips) == side_px**2
    gif.check(encoded(image, "GIF"), image)  # it compares the length with the frame's
    if side_px > 1:
        with pytest.raises(InputError, match=f"stand for {side_px**2} pixels"):
            gif.check(
                encoded(image, "GIF").replace(*(struct.pack("<HH", side_px, h) for h in (side_px, 9))), image
            )


def test_lzw_data_with_a_code_that_does_not_exist_yet_are_damaged() -> None:
    codes = (256, 65, 300)  # nine bits each: clear, a value, and an entry long before it is made
    bits = "".join(f"{code:09b}" for code in codes).ljust(32, "0")
    with pytest.raises(ValueError, match="does not exist"):
        unpacked_length(int(bits, 2).to_bytes(4, "big"), value_bits=8, gif=False)


def test_a_webp_with_data_left_over_is_damaged_in_an_animation_too(tmp_path: Path) -> None:
    later = [Image.new("RGB", (160, 160), colour) for colour in ("red", "blue")]
    whole = encoded(picture(), "WEBP", save_all=True, append_images=later, quality=90)
    assert read(tmp_path / "a", whole) is not None
    pixels = whole.index(b"VP8 ") + 8
    refused = 0
    for number in range(20):
        bad = bytearray(whole)
        bad[pixels + 400 + 50 * number] ^= 8
        shown = pixels_of(bytes(bad))
        if shown is not None:
            refused += read(tmp_path / "a", bytes(bad)) is None
    assert refused >= 5


def moved(row: int, column: int, end: int, levels: int) -> Image.Image:
    """A picture whose blocks of 16 px are brighter from one on, up to the end of a row."""
    pixels = np.asarray(picture(320)).astype(np.int16)
    blocks = np.zeros((20, 20), np.int16)
    blocks[row:end] = levels
    blocks[row, :column] = 0
    return Image.fromarray(
        np.clip(pixels + np.kron(blocks, np.ones((16, 16), np.int16))[..., None], 0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize("levels", [30, -70, 120])
def test_the_edge_of_moved_blocks_is_found_to_the_end_and_to_a_restart(levels: int) -> None:
    assert edge_of_moved_blocks(moved(7, 9, 20, levels), (16, 16), None) == 7
    assert edge_of_moved_blocks(moved(7, 9, 8, levels), (16, 16), 1) == 7
    assert edge_of_moved_blocks(moved(5, 9, 8, levels), (16, 16), 4) == 5
    assert (
        edge_of_moved_blocks(moved(7, 9, 20, levels), (8, 8), None) is None
    )  # its blocks are of another size


def edges_of_its_own(name: str) -> Image.Image:
    """Pictures whose own edges lie on those of blocks."""
    pixels = np.asarray(picture(320)).copy()
    if name == "bars above and below":
        pixels[:48] = pixels[-48:] = 0
    elif name == "a frame":
        pixels[:32] = pixels[-32:] = pixels[:, :32] = pixels[:, -32:] = 255
    elif name == "a part of other brightness":
        pixels[160:, 96:] //= 3
    elif name == "a chessboard":
        pixels = np.kron(np.indices((20, 20)).sum(axis=0) % 2 * 200, np.ones((16, 16)))[..., None].repeat(
            3, axis=2
        )
    elif name == "stripes":
        pixels[np.arange(320) // 16 % 2 == 1] //= 2
    elif name == "two halves":
        pixels[:, 160:] = np.roll(pixels[:, 160:], 80, axis=0) // 2
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize("restart", [{}, {"restart_marker_rows": 1}, {"restart_marker_rows": 3}])
@pytest.mark.parametrize(
    "name", ["bars above and below", "a frame", "a part of other brightness", "a chessboard", "stripes", "two halves"]
)  # fmt: skip
def test_edges_that_a_picture_has_of_its_own_are_no_damage(
    tmp_path: Path, name: str, restart: dict[str, int]
) -> None:
    assert read(tmp_path / "a", encoded(edges_of_its_own(name), "JPEG", quality=90, **restart)) is not None


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("left", "whole"), [(b"\0", True), (bytes(31), True), (bytes(31) + b"\x55" * 8, False)]
)
def test_zeros_that_fill_up_the_end_of_a_jpeg_are_no_damage(
    tmp_path: Path, left: bytes, whole: bool, progressive: bool
) -> None:
    data = encoded(picture(), "JPEG", quality=90, progressive=progressive)
    found = read(tmp_path / "a", data.removesuffix(b"\xff\xd9") + left + b"\xff\xd9")
    assert (found is not None) is whole
    assert not whole or np.array_equal(found, read(tmp_path / "a", data))


@pytest.mark.parametrize("junk", [b"\x07" * 9, b"\xff\xd0", b"\0\xff\0"])
def test_junk_between_the_segments_of_a_jpegs_header_is_no_damage(tmp_path: Path, junk: bytes) -> None:
    whole = encoded(picture(), "JPEG", quality=90)
    at = whole.index(b"\xff\xdb")
    pixels, expected = read(tmp_path / "a", whole[:at] + junk + whole[at:]), read(tmp_path / "a", whole)
    assert pixels is not None
    assert np.array_equal(pixels, expected)
