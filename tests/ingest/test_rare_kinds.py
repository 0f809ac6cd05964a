"""Pictures that are whole and of a kind that Pillow reads wrongly, in part, or not at all."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from ingest_pictures import (
    LIMITS,
    assert_upright,
    corners,
    display_p3_like,
    packed,
    refusal,
    tagged,
    tiff,
    with_chunks,
)
from PIL import Image, TiffImagePlugin

from likeness.ingest import png
from likeness.ingest.decode import decode_photo


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"_259": (3, 33005)}, "JPEG 2000"),
        ({"_259": (3, 50002)}, "JPEG XL"),
        ({"_259": (3, 34933)}, "PNG"),
        ({"_259": (3, 34887)}, "LERC"),
        ({"_259": (3, 50001)}, "WebP"),
        ({"_259": (3, 12345)}, "compression 12345"),
        ({"_277": (3, 5), "_262": (3, 5)}, "5 numbers"),
        ({"_277": (3, 2), "_262": (3, 1), "_258": (3, 16), "_256": (3, 48)}, "2 numbers"),
    ],
)
def test_a_tiff_that_is_whole_and_packed_in_a_way_that_is_not_read_is_not_called_damaged(
    tmp_path: Path, tags, said: str
) -> None:
    error = refusal(tmp_path / "a.tif", tagged(**tags))
    assert error.reason == "unsupported-kind"
    assert said in error.message


def big_tiff(order: str) -> bytes:
    """Colour pixels as a TIFF of more than 4 GB would have them: all offsets of 8 bytes."""
    pixels = np.asarray(corners()).tobytes()
    tags = {256: 96, 257: 64, 258: 8, 259: 1, 262: 2, 273: 0, 277: 3, 278: 64, 279: len(pixels)}
    tags[273] = 16 + 8 + 20 * len(tags) + 8
    table = b"".join(struct.pack(f"{order}HHQQ", tag, 16, 1, value) for tag, value in tags.items())
    header = (b"II+\0" if order == "<" else b"MM\0+") + struct.pack(f"{order}HHQQ", 8, 0, 16, len(tags))
    return header + table + bytes(8) + pixels


def test_of_big_tiffs_one_byte_order_is_read_and_the_other_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(big_tiff("<"))
    assert_upright(decode_photo(tmp_path / "a.tif", LIMITS))
    assert refusal(tmp_path / "b.tif", big_tiff("<")[:-9000]).reason == "truncated"
    for data in (big_tiff(">"), big_tiff(">")[:-9000]):
        error = refusal(tmp_path / "b.tif", data)
        assert error.reason == "unsupported-kind"
        assert "BigTIFF with the highest byte first" in error.message


def test_a_tiff_whose_pixels_are_not_all_there_is_damaged_whatever_it_says(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.tif", tagged(_277=(3, 5), _262=(3, 5))[:-9000]).reason == "truncated"


def test_plain_numbers_of_16_bits_each_colour_on_its_own_are_refused_and_not_misread(tmp_path: Path) -> None:
    planes = np.moveaxis(np.asarray(corners()).astype("<u2") * 257, 2, 0)
    tags = {
        256: (3, 96),
        257: (3, 64),
        258: (3, 16),
        259: (3, 1),
        262: (3, 2),
        277: (3, 3),
        278: (3, 64),
        284: (3, 2),
    }
    plane = planes[0].nbytes
    data = bytearray(tiff({**tags, 273: (4, 0), 279: (4, plane)}, b""))
    # Three strips: where they begin and how long they are stands behind the tags.
    places = len(data)
    begin = places + 24
    for tag, at in ((273, places), (279, places + 12)):
        entry = data.index(struct.pack("<HH", tag, 4))
        struct.pack_into("<HHII", data, entry, tag, 4, 3, at)
    data += struct.pack("<3I", *(begin + plane * n for n in range(3))) + struct.pack(
        "<3I", plane, plane, plane
    )
    error = refusal(tmp_path / "a.tif", bytes(data) + planes.tobytes())
    assert error.reason == "unsupported-kind"
    assert "each colour on its own" in error.message


def test_bitmaps_of_rare_numbers_are_named(tmp_path: Path) -> None:
    pixels = bytes(96 * 64 * 4)
    masks = struct.pack("<III", 0x3FF00000, 0xFFC00, 0x3FF)
    header = struct.pack("<IiiHHIIiiII", 40, 96, 64, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    data = b"BM" + struct.pack("<IHHI", 66 + len(pixels), 0, 0, 66) + header + masks + pixels
    error = refusal(tmp_path / "a.bmp", data)
    assert error.reason == "unsupported-kind"
    assert "BMP with 32 bits" in error.message
    assert refusal(tmp_path / "a.bmp", data[:-100]).reason == "truncated"


LARGE = b"a" * 3_000_000


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"parameters\0\0" + zlib.compress(LARGE)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LARGE)),
        (b"tEXt", b"parameters\0" + LARGE),
        (b"zTXt", b"parameters\0\0x\x9cbroken"),
    ],
)
def test_a_png_is_read_whatever_its_texts_weigh(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    (tmp_path / "a.png").write_bytes(with_chunks(chunk))
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS))


def test_a_png_with_many_texts_is_read(tmp_path: Path) -> None:
    texts = [(b"zTXt", b"t%d\0\0" % n + zlib.compress(b"a" * 1_000_000)) for n in range(70)]
    (tmp_path / "a.png").write_bytes(with_chunks(*texts))
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS))


def test_of_many_packed_texts_few_are_unpacked(tmp_path: Path, monkeypatch) -> None:
    unpacked: list[int] = []
    whole = png._unpacked

    def counted(kind: bytes, part: bytes, most: int) -> bytes:
        unpacked.append(most)
        return whole(kind, part, most)

    monkeypatch.setattr(png, "_unpacked", counted)
    bomb = (b"zTXt", b"t\0\0" + zlib.compress(LARGE))
    (tmp_path / "a.png").write_bytes(with_chunks(*[bomb] * 500))
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS))
    assert sum(unpacked) < 64 * 2**20


def test_a_profile_larger_than_pillow_takes_is_applied(tmp_path: Path) -> None:
    profile = bytearray(display_p3_like())
    profile += bytes(2_000_000)
    struct.pack_into(">I", profile, 0, len(profile))
    (tmp_path / "a.png").write_bytes(with_chunks((b"iCCP", b"x\0\0" + zlib.compress(bytes(profile)))))
    (tmp_path / "b.png").write_bytes(with_chunks((b"iCCP", b"x\0\0" + zlib.compress(display_p3_like()))))
    large, small = (decode_photo(tmp_path / name, LIMITS) for name in ("a.png", "b.png"))
    assert np.array_equal(large.rgb, small.rgb)
    assert large.notes == small.notes


def test_a_png_with_two_headers_is_damaged_and_one_for_ios_is_named(tmp_path: Path) -> None:
    second = (b"IHDR", struct.pack(">IIBBBBB", 96, 32, 8, 2, 0, 0, 0))
    assert refusal(tmp_path / "a.png", with_chunks(second)).reason == "truncated"
    apple = refusal(tmp_path / "a.png", with_chunks((b"CgBI", b"\x50\0\x20\2")))
    assert (apple.reason, "iOS" in apple.message) == ("unsupported-kind", True)


@pytest.mark.parametrize("colours", ["RGB", "RGBA"])
def test_12_bits_stored_in_16_are_refused_in_a_png_too(tmp_path: Path, colours: str) -> None:
    numbers = np.asarray(corners().convert(colours)).astype(">u2") * 257 >> 4
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)
    header = struct.pack(">IIBBBBB", 96, 64, 16, 2 if colours == "RGB" else 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    error = refusal(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n" + packed(*parts))
    assert error.reason == "unsupported-mode"
    assert "15 of 255" in error.message


def test_inks_of_which_nothing_says_how_they_count_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    corners().convert("CMYK").save(buffer, "JPEG")
    data = buffer.getvalue()
    at = data.index(b"\xff\xee")
    bare = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    error = refusal(tmp_path / "a.jpg", bare)
    assert error.reason == "unsupported-colour"
    assert "inks" in error.message


def paged(*pages: Image.Image, **tags: object) -> bytes:
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        ifd[int(tag[1:])] = value
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", tiffinfo=ifd, save_all=True, append_images=list(pages[1:]))
    return buffer.getvalue()


def test_a_tiff_that_begins_with_a_small_copy_gives_the_picture_itself(tmp_path: Path) -> None:
    small, other = corners().resize((24, 16)), Image.new("RGB", (200, 20))
    (tmp_path / "a.tif").write_bytes(paged(small, other, corners()))
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    assert_upright(photo)
    assert photo.stored_px == (96, 64)
    assert photo.notes == ("page 3 of 3 taken: the first is a small copy of it",)


@pytest.mark.parametrize("size", [(100, 66), (960, 640)])
def test_other_pictures_behind_the_first_give_the_first(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.tif").write_bytes(paged(corners(), Image.new("RGB", size)))
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    assert_upright(photo)
    assert photo.notes == ("first of 2 frames taken",)


def test_a_png_that_promises_frames_and_has_none_is_one_picture(tmp_path: Path) -> None:
    promise = (b"acTL", struct.pack(">II", 6, 0))
    (tmp_path / "a.png").write_bytes(with_chunks(promise))
    assert decode_photo(tmp_path / "a.png", LIMITS).notes == ()


def test_a_gif_whose_first_frame_leaves_a_part_of_it_is_told(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    corners().save(buffer, "GIF")
    canvas = struct.pack("<HH", 200, 100)
    (tmp_path / "a.gif").write_bytes(buffer.getvalue()[:6] + canvas + buffer.getvalue()[10:])
    photo = decode_photo(tmp_path / "a.gif", LIMITS)
    assert photo.rgb.shape == (100, 200, 3)
    assert photo.notes == ("its first frame covers 96x64 px of it; the rest is background",)


def test_a_mask_behind_the_photograph_is_no_damage(tmp_path: Path) -> None:
    pixels = np.asarray(corners()).tobytes()
    plain = {256: (3, 96), 257: (3, 64), 258: (3, 8), 259: (3, 1), 278: (3, 64)}
    mask = {256: (3, 96), 257: (3, 64), 259: (3, 1), 262: (3, 4), 254: (4, 4), 277: (3, 1), 278: (3, 64)}
    file = tiff(plain | {262: (3, 2), 277: (3, 3)}, pixels, b"\0")
    behind = tiff(mask, bytes(96 * 8))[8:]
    (tmp_path / "a.tif").write_bytes(file[:-1] + behind)
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    assert_upright(photo)
    assert photo.notes == ("first of 2 frames taken",)


def test_a_preview_without_its_picture_is_a_cameras_raw_file(tmp_path: Path) -> None:
    error = refusal(tmp_path / "a.tif", paged(corners(), Image.new("RGB", (100, 20)), _254=1))
    assert error.reason == "camera-raw"
