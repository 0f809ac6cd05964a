"""likeness.ingest.decode: files that say one thing and hold another, and what is told of them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from ingest_pictures import LIMITS, assert_upright, corners, packed, refusal, tagged, tiff, with_chunks
from PIL import Image, ImageChops, ImageOps

from likeness.ingest.decode import decode_photo

ROWS = [b"\0" + row.tobytes() for row in np.asarray(corners())]
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
LACED = [
    b"\0" + row.tobytes()
    for left, top, across, down in PASSES
    for row in np.asarray(corners())[top::down, left::across]
]


def png(rows: list[bytes], *, laced: int = 0, ended: bool = True) -> bytes:
    header = struct.pack(">IIBBBBB", 96, 64, 8, 2, 0, 0, laced)
    end = packed((b"IEND", b"")) if ended else b""
    return b"\x89PNG\r\n\x1a\n" + packed((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows)))) + end


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def shown(data: bytes) -> np.ndarray:
    """What Pillow alone shows."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize(
    ("rows", "laced", "kept"), [(ROWS, 0, 32), (ROWS, 0, 63), (LACED, 1, len(LACED) - 1)]
)
def test_a_png_with_fewer_rows_than_its_size_is_damaged_though_pillow_shows_it(
    tmp_path: Path, rows, laced: int, kept: int, ended: bool
) -> None:
    (tmp_path / "a.png").write_bytes(png(rows, laced=laced, ended=ended))
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS), tolerance=0)
    short = png(rows[:kept], laced=laced)
    assert shown(short).shape == (64, 96, 3)
    error = refusal(tmp_path / "b.png", png(rows[:kept], laced=laced, ended=ended))
    assert (error.reason, "bytes of pixels" in error.message) == ("truncated", True)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 9), (97, 5)])
@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_size_and_kind_has_as_many_pixels_as_it_says(
    tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    image = Image.new(mode, size) if mode == "I;16" else corners(*size).convert(mode)
    (tmp_path / "a.png").write_bytes(encoded(image, "PNG"))
    assert decode_photo(tmp_path / "a.png", LIMITS).rgb.shape == (*size[::-1], 3)


@pytest.mark.parametrize("kind", [b"IHDR", b"gAMA", b"eXIf", b"IDAT"])
def test_the_chunk_of_a_png_whose_checksum_is_wrong_is_named(tmp_path: Path, kind: bytes) -> None:
    whole = png(ROWS)
    whole = (
        whole[:33]
        + packed((b"gAMA", struct.pack(">I", 45455)), (b"eXIf", b"II*\0\x08\0\0\0\0\0"))
        + whole[33:]
    )
    (tmp_path / "a.png").write_bytes(whole)
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS), tolerance=0)
    at = whole.index(kind)
    end = at + 4 + int.from_bytes(whole[at - 4 : at], "big")
    error = refusal(tmp_path / "b.png", whole[:end] + b"\0\1\2\3" + whole[end + 4 :])
    assert (error.reason, kind.decode() in error.message) == ("truncated", True)


def test_a_jpeg_whose_data_nothing_can_look_into_is_refused(tmp_path: Path) -> None:
    whole = encoded(corners(), "JPEG", subsampling=0)
    at = whole.index(b"\xff\xc0") + 11
    other = whole[:at] + b"\x31" + whole[at + 1 :]  # three times as many numbers of brightness as of colour
    assert np.abs(shown(other).astype(int) - np.asarray(corners())).mean() > 50
    error = refusal(tmp_path / "a.jpg", other)
    assert (error.reason, "rare ratio" in error.message) == ("unsupported-kind", True)


def test_inks_are_read_plain_and_as_ycck_and_refused_where_the_marker_names_neither(tmp_path: Path) -> None:
    path, white = tmp_path / "a.jpg", Image.new("L", (96, 64), 255)
    ycck = Image.merge("CMYK", (*ImageOps.invert(corners()).convert("YCbCr").split(), white))
    inks = ImageChops.invert(ycck)  # Pillow writes inks the other way round
    for image, transform in ((corners().convert("CMYK"), 0), (inks, 2), (inks, 1)):
        data = encoded(image, "JPEG", quality=95, subsampling=0)
        at = data.index(b"Adobe") + 11
        path.write_bytes(data[:at] + bytes([transform]) + data[at + 1 :])
        if transform == 1:
            assert refusal(path, path.read_bytes()).reason == "unsupported-colour"
        else:
            assert_upright(decode_photo(path, LIMITS))


@pytest.mark.parametrize("format", ["BMP", "GIF", "PNG"])
def test_pixels_that_name_colours_which_their_palette_lacks_are_damage(tmp_path: Path, format: str) -> None:
    image = corners().quantize(4)
    data = encoded(image, format, **({"bits": 8} if format == "PNG" else {}))
    (tmp_path / "a").write_bytes(data)
    assert_upright(decode_photo(tmp_path / "a", LIMITS), tolerance=0)
    colours = bytes(image.getpalette() or ())[:12]
    if format == "BMP":  # its header counts them
        short = data[:46] + struct.pack("<I", 2) + data[50:]
    elif format == "GIF":  # two colours follow, where four did
        at = data.index(colours)
        short = data[:10] + bytes([data[10] & 0xF8]) + data[11:at] + data[at : at + 6] + data[at + 12 :]
    else:
        at = data.index(b"PLTE") - 4
        short = data[:at] + packed((b"PLTE", colours[:6])) + data[at + 24 :]
    error = refusal(tmp_path / "b", short)
    assert (error.reason, "colour 3 of a palette of 2" in error.message) == ("truncated", True)


def test_a_gif_without_a_palette_is_refused_and_not_grey(tmp_path: Path) -> None:
    data = encoded(corners().quantize(4), "GIF")
    bare = data[:10] + bytes([data[10] & 0x7F]) + data[11:13] + data[25:]
    assert shown(bare).shape == (64, 96, 3)
    assert "no palette" in refusal(tmp_path / "a.gif", bare).message


def test_a_palette_of_8_bits_in_a_tiffs_16_is_scaled_up_and_said(tmp_path: Path) -> None:
    image = corners().quantize(4)
    colours = np.zeros((256, 3), "<u2")
    colours[:4] = np.reshape(image.getpalette() or [], (-1, 3))[:4]
    tags = {256: 96, 257: 64, 258: 8, 259: 1, 262: 3, 277: 1, 278: 64}
    data = tiff({tag: (3, value) for tag, value in tags.items()} | {320: (3, 0)}, np.asarray(image).tobytes())
    at = data.index(struct.pack("<HHI", 320, 3, 1))
    data = data[:at] + struct.pack("<HHII", 320, 3, 768, len(data)) + data[at + 12 :] + colours.T.tobytes()
    (tmp_path / "a.tif").write_bytes(data)
    assert shown(data).max() == 0
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    assert_upright(photo, tolerance=0)
    assert photo.notes == ("the 16-bit numbers of its palette hold 8 bits: scaled up",)


def test_an_avif_that_calls_itself_a_heif_is_read_as_what_it_is(tmp_path: Path) -> None:
    for format in ("AVIF", "HEIF"):
        data = encoded(corners(), format, quality=95)
        (tmp_path / "a").write_bytes(data[:8] + b"mif1" + data[12:])
        photo = decode_photo(tmp_path / "a", LIMITS)
        assert photo.format == format
        assert_upright(photo)


def test_a_bitmap_of_a_usual_kind_is_not_called_a_kind_that_is_not_read(tmp_path: Path) -> None:
    data = encoded(corners(), "BMP")
    short = data[:-400]
    for told in (
        short[:2] + struct.pack("<I", len(short)) + short[6:],
        data[:10] + struct.pack("<I", 10**6) + data[14:],
    ):
        assert refusal(tmp_path / "a.bmp", told).reason == "truncated"
    many_colours = data[:46] + struct.pack("<I", 300) + data[50:]
    assert (
        refusal(tmp_path / "a.bmp", many_colours[:28] + b"\x08\0" + many_colours[30:]).reason
        == "unsupported-kind"
    )


def test_no_word_of_a_decoders_code_is_told(tmp_path: Path) -> None:
    no_palette = encoded(corners().quantize(4), "PNG", bits=8)
    at = no_palette.index(b"PLTE") - 4
    for data in (
        no_palette[:at] + no_palette[at + 24 :],
        with_chunks((b"cICP", b"\1\r")),  # "not enough values to unpack"
    ):
        error = refusal(tmp_path / "a.png", data)
        assert error.message == "the picture ends early or is damaged: its data do not decode"
    letter = refusal(tmp_path / "a.tif", tagged(_262=(2, 1)))  # where a number belongs
    assert letter.message == "the picture ends early or is damaged: its header does not read"


def test_what_else_is_told_of_the_colours_counts_where_the_profile_does_not_read(tmp_path: Path) -> None:
    linear = (b"gAMA", struct.pack(">I", 100_000))
    for number, profile in enumerate((b"garbage", zlib.compress(b"no profile" * 30))):
        for name, chunks in (("a", [linear]), ("b", [(b"iCCP", b"x\0\0" + profile), linear])):
            (tmp_path / f"{name}{number}.png").write_bytes(with_chunks(*chunks))
        alone, both = (decode_photo(tmp_path / f"{name}{number}.png", LIMITS) for name in "ab")
        assert np.array_equal(alone.rgb, both.rgb)
        assert alone.notes[-1] == both.notes[-1] == "colours converted from gAMA 1 to sRGB"
