"""likeness.ingest: colours that a file tells by code points, numbers or EXIF instead of a profile."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from likeness.errors import InputError
from likeness.ingest.boxes import describe
from likeness.ingest.decode import Limits, decode_photo

LIMITS = Limits(max_file_mb=5, max_megapixels=2, max_side_px=512, background_rgb=(255, 255, 255))
SKIN, GREY, DARK = (224, 172, 140), (128, 128, 128), (40, 30, 30)
P3 = np.array([[0.8224620, 0.1775380, 0.0], [0.0331942, 0.9668058, 0.0], [0.0170826, 0.0723974, 0.9105199]])
BT2020 = np.array(
    [[0.6274039, 0.3292830, 0.0433131], [0.0690973, 0.9195404, 0.0113623], [0.0163914, 0.0880133, 0.8955953]]
)

pillow_heif.register_heif_opener()


def linear(colour: tuple[int, ...]) -> np.ndarray:
    value = np.array(colour) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def pq(light: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084 of light whose 1 is 203 cd/m²."""
    power = (np.maximum(light, 0) * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """BT.2100, for a display of 1000 cd/m² and light whose 1 is 203 cd/m²."""
    shown = np.maximum(light, 1e-9) * 203 / 1000
    scene = shown * (shown @ np.array([0.2627, 0.6780, 0.0593])) ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def picture(encode) -> Image.Image:
    image = Image.new("RGB", (96, 32))
    for at, colour in enumerate((SKIN, GREY, DARK)):
        image.paste(
            tuple(int(v) for v in np.round(encode(linear(colour)) * 255)), (at * 32, 0, at * 32 + 32, 32)
        )
    return image


def in_p3(light: np.ndarray) -> np.ndarray:
    return srgb(P3 @ light)


def in_bt2020_pq(light: np.ndarray) -> np.ndarray:
    return pq(BT2020 @ light)


def in_bt2020_hlg(light: np.ndarray) -> np.ndarray:
    return hlg(BT2020 @ light)


def heif(image: Image.Image, primaries: int, transfer: int) -> bytes:
    buffer = io.BytesIO()
    image.save(
        buffer, "HEIF", quality=-1, chroma=444, color_primaries=primaries, transfer_characteristics=transfer,
        matrix_coefficients=1, full_range_flag=1,
    )  # fmt: skip
    return buffer.getvalue()


def avif(image: Image.Image, primaries: int, transfer: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "AVIF", quality=100, subsampling="4:4:4")
    data = buffer.getvalue()
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def png(image: Image.Image, chunk: bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    body = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + body + data[33:]


def with_cicp(image: Image.Image, primaries: int, transfer: int) -> bytes:
    return png(image, b"cICP" + bytes((primaries, transfer, 0, 1)))


ENCODED = [
    (12, 13, in_p3, "Display P3", 4),
    (9, 16, in_bt2020_pq, "PQ", 12),
    (9, 18, in_bt2020_hlg, "HLG", 12),
]


@pytest.mark.parametrize(("primaries", "transfer", "encode", "name", "tolerance"), ENCODED)
@pytest.mark.parametrize("container", [heif, avif, with_cicp])
def test_colours_told_by_code_points_are_converted_and_said(
    tmp_path: Path, container, primaries: int, transfer: int, encode, name: str, tolerance: int
) -> None:
    (tmp_path / "a.x").write_bytes(container(picture(encode), primaries, transfer))
    photo = decode_photo(tmp_path / "a.x", LIMITS)
    found = [photo.rgb[16, at] for at in (16, 48, 80)]
    assert np.abs(np.subtract(found, [SKIN, GREY, DARK])).max() <= tolerance
    assert [note for note in photo.notes if "colours converted from" in note and name in note]


@pytest.mark.parametrize("container", [heif, avif, with_cicp])
def test_code_points_of_srgb_and_none_change_nothing(tmp_path: Path, container) -> None:
    for primaries, transfer in ((1, 13), (2, 2), (1, 1)):
        (tmp_path / "a.x").write_bytes(container(picture(srgb), primaries, transfer))
        photo = decode_photo(tmp_path / "a.x", LIMITS)
        assert np.abs(photo.rgb[16, 16].astype(int) - SKIN).max() <= 3
        assert photo.notes == ()


def test_code_points_that_are_not_known_are_refused_by_number(tmp_path: Path) -> None:
    (tmp_path / "a.avif").write_bytes(avif(picture(srgb), 10, 17))
    with pytest.raises(InputError, match="primaries 10, transfer 17") as caught:
        decode_photo(tmp_path / "a.avif", LIMITS)
    assert caught.value.reason == "unsupported-colour"


def test_a_pngs_gamma_and_primaries_are_applied(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(picture(lambda light: light), b"gAMA" + struct.pack(">I", 100_000)))
    photo = decode_photo(tmp_path / "a.png", LIMITS)
    assert np.abs(np.subtract([photo.rgb[16, at] for at in (16, 48)], [SKIN, GREY])).max() <= 3
    assert "gAMA 1" in photo.notes[0]
    (tmp_path / "b.png").write_bytes(png(picture(srgb), b"gAMA" + struct.pack(">I", 45_455)))
    assert decode_photo(tmp_path / "b.png", LIMITS).notes == ()


def test_adobe_rgb_told_by_exif_alone_is_converted(tmp_path: Path) -> None:
    matrix = np.array([[0.7151256, 0.2848744, 0], [0, 1, 0], [0, 0.0411619, 0.9588381]])
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}
    image = picture(lambda light: (matrix @ light) ** (256 / 563))
    image.save(tmp_path / "a.jpg", quality=100, subsampling=0, exif=exif)
    photo = decode_photo(tmp_path / "a.jpg", LIMITS)
    assert np.abs(np.subtract([photo.rgb[16, at] for at in (16, 48)], [SKIN, GREY])).max() <= 4
    assert "Adobe RGB" in photo.notes[0]


def test_a_heic_with_an_orientation_and_no_box_that_turns_it_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = Image.new("RGB", (64, 96), (30, 30, 220))
    upright.paste((220, 30, 30), (0, 0, 64, 48))
    # Given an object, pillow-heif 1.8 writes the tag without the box.
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.heic", exif=exif)
    assert not describe((tmp_path / "a.heic").read_bytes()).has_turn
    photo = decode_photo(tmp_path / "a.heic", LIMITS)
    assert photo.rgb.shape == (96, 64, 3)
    assert photo.rgb[20, 32, 0] > 180
    assert photo.notes == ("turned upright (EXIF orientation 6)",)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF"])
def test_an_orientation_that_xmp_alone_tells_is_told_as_such(tmp_path: Path, format: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.new("RGB", (64, 96), (30, 30, 220)).save(tmp_path / "a", format, xmp=xmp)
    photo = decode_photo(tmp_path / "a", LIMITS)
    assert photo.rgb.shape == (64, 96, 3)
    assert photo.notes == ("turned upright (XMP orientation 6)",)


def test_whose_orientation_it_is_is_told_of_a_tiff_and_of_a_pngs_older_exif(tmp_path: Path) -> None:
    picture, exif = Image.new("RGB", (64, 96), (30, 30, 220)), Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.tif", tiffinfo={700: b'<rdf:Description tiff:Orientation="6"/>'})
    older = PngInfo()
    older.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes())}\n{exif.tobytes().hex()}\n")
    picture.save(tmp_path / "a.png", pnginfo=older)
    for name, who in (("a.tif", "XMP"), ("a.png", "EXIF")):
        photo = decode_photo(tmp_path / name, LIMITS)
        assert photo.rgb.shape == (64, 96, 3)
        assert photo.notes == (f"turned upright ({who} orientation 6)",)


@pytest.mark.parametrize("spelling", ['="{}"', "='{}'", ' = "{}"', ">{}</tiff:Orientation"])
@pytest.mark.parametrize("format", ["JPEG", "WEBP", "HEIF"])
def test_an_orientation_in_xmp_is_read_however_xml_spells_it(
    tmp_path: Path, format: str, spelling: str
) -> None:
    xmp = f"<x:xmpmeta><tiff:Orientation{spelling.format(6)}></x:xmpmeta>".encode()
    Image.new("RGB", (64, 96), (30, 30, 220)).save(tmp_path / "a", format, xmp=xmp)
    has_turn = format == "HEIF" and describe((tmp_path / "a").read_bytes()).has_turn
    photo = decode_photo(tmp_path / "a", LIMITS)
    assert photo.rgb.shape == (64, 96, 3)
    assert photo.notes == (
        ("turned upright (boxes irot and imir)",) if has_turn else ("turned upright (XMP orientation 6)",)
    )


def grey_profile(gamma: float) -> bytes:
    """An ICC profile of grey numbers (ICC.1:2022 8.3)."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    words = b"desc" + bytes(4) + struct.pack(">I", 5) + b"Grey\0" + bytes(79)
    tags, table, body = {b"desc": words, b"wtpt": white, b"kTRC": curve}, struct.pack(">I", 3), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", 128 + 40 + len(body), len(tag))
        body += tag
    size = 128 + len(table) + len(body)
    header = (
        struct.pack(">I4sI12s", size, b"lcms", 0x02100000, b"mntrGRAYXYZ ") + bytes(12) + b"acsp" + bytes(28)
    )
    return header + struct.pack(">3i", 63190, 65536, 54061) + bytes(48) + table + body


@pytest.mark.parametrize(
    ("mode", "format"), [("L", "PNG"), ("LA", "PNG"), ("LA", "TIFF"), ("RGB", "WEBP"), ("P", "PNG")]
)
def test_a_profile_of_grey_counts_however_the_grey_picture_is_stored(
    tmp_path: Path, mode: str, format: str
) -> None:
    stored = Image.new("L", (32, 32), 128).convert(mode)
    stored.save(tmp_path / "a", format, icc_profile=grey_profile(1.0))
    photo = decode_photo(tmp_path / "a", LIMITS)
    assert np.abs(photo.rgb.astype(int) - 188).max() <= 2  # half the light of white
    assert photo.notes == ("colours converted from Grey to sRGB",)


def test_a_profile_of_grey_on_a_picture_in_colours_is_ignored_and_said(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (200, 30, 30)).save(tmp_path / "a.png", icc_profile=grey_profile(1.0))
    photo = decode_photo(tmp_path / "a.png", LIMITS)
    assert photo.rgb[0, 0].tolist() == [200, 30, 30]
    assert photo.notes == ("colour profile is for GRAY, the pixels are RGB: profile ignored",)


def test_a_profile_of_which_pieces_are_missing_is_said_to_be_ignored(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32), (200, 30, 30)).save(tmp_path / "a.jpg", icc_profile=grey_profile(1.0))
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data.replace(b"ICC_PROFILE\0\1\1", b"ICC_PROFILE\0\1\2"))
    assert decode_photo(tmp_path / "a.jpg", LIMITS).notes == ("colour profile incomplete: ignored",)
