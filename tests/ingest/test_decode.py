"""likeness.ingest.decode: anyone's file -> upright sRGB pixels, or the right reason."""

import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from ingest_files import save
from ingest_pictures import (
    GREEN,
    LIMITS,
    RED,
    assert_upright,
    corner_colours,
    corners,
)
from PIL import Image

from likeness.ingest.decode import Limits, decode_photo

ORIENTATION = 0x0112

pillow_heif.register_heif_opener()


FORMATS = ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "GIF", "BMP"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read(tmp_path: Path, format: str) -> None:
    photo = decode_photo(save(tmp_path / "photo", corners(), format), LIMITS)
    assert photo.format == format
    assert photo.rgb.shape == (64, 96, 3)
    assert_upright(photo)


def test_a_phones_jpeg_with_a_second_picture_gives_its_first(tmp_path: Path) -> None:
    second = Image.new("RGB", (96, 64), "black")
    path = save(tmp_path / "a.jpg", corners(), "MPO", save_all=True, append_images=[second])
    photo = decode_photo(path, LIMITS)
    assert photo.format == "MPO"
    assert_upright(photo)


UNDO = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", sorted(UNDO))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_exif_orientation_is_applied_exactly_once(tmp_path: Path, format: str, orientation: int) -> None:
    stored = corners() if UNDO[orientation] is None else corners().transpose(UNDO[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    # As bytes: given an object, pillow-heif 1.8 writes the tag without turning the picture (no irot box).
    photo = decode_photo(save(tmp_path / "photo.x", stored, format, exif=exif.tobytes()), LIMITS)
    assert photo.rgb.shape == (64, 96, 3)
    assert_upright(photo)
    assert any("upright" in note for note in photo.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_senseless_orientation_is_ignored(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert_upright(decode_photo(save(tmp_path / "a.jpg", corners(), "JPEG", exif=exif), LIMITS))


def test_broken_exif_does_not_lose_the_photo(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x01" * 9)
    assert_upright(decode_photo(path, LIMITS))


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_transparency_is_laid_on_the_background(tmp_path: Path, format: str) -> None:
    image = corners().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 255))
    image.paste((0, 0, 0, 0), (0, 0, 48, 64))
    limits = Limits(max_file_mb=5, max_megapixels=2, max_side_px=512, background_rgb=(10, 200, 250))
    photo = decode_photo(save(tmp_path / "photo.x", image, format), limits)
    left, right, *_ = corner_colours(photo)
    assert np.abs(np.subtract(left, (10, 200, 250))).max() <= 12
    assert np.abs(np.subtract(right, GREEN)).max() <= 12
    assert any("transparency" in note for note in photo.notes)


def test_half_transparency_mixes_and_opaque_alpha_is_not_mentioned(tmp_path: Path) -> None:
    half = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    assert abs(int(decode_photo(save(tmp_path / "h.png", half, "PNG"), LIMITS).rgb[5, 5, 0]) - 127) <= 1
    opaque = decode_photo(save(tmp_path / "o.png", corners().convert("RGBA"), "PNG"), LIMITS)
    assert opaque.notes == ()


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken_and_said(tmp_path: Path, format: str) -> None:
    later = [Image.new("RGB", (96, 64), colour) for colour in ("black", "yellow")]
    path = save(tmp_path / "photo.x", corners(), format, save_all=True, append_images=later)
    photo = decode_photo(path, LIMITS)
    assert_upright(photo)
    assert any("first of 3 frames" in note for note in photo.notes)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "HEIF"])
def test_a_large_photo_is_scaled_to_the_longest_side(tmp_path: Path, format: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = corners(1000, 1500).transpose(Image.Transpose.ROTATE_90)
    photo = decode_photo(save(tmp_path / "photo.x", stored, format, exif=exif.tobytes()), LIMITS)
    assert photo.rgb.shape == (512, 341, 3)
    assert_upright(photo)
    assert any("down-scaled from 1500x1000" in n or "down-scaled from 1000x1500" in n for n in photo.notes)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_transparency_that_hides_all_of_a_picture_is_ignored_with_a_note(tmp_path: Path, format: str) -> None:
    image = corners().convert("RGBA")
    image.putalpha(0)
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    photo = decode_photo(save(tmp_path / "a", image, format, **options), LIMITS)
    assert_upright(photo)
    assert photo.notes == ("its transparency hides all of it: ignored",)


def test_of_an_avif_sequence_the_first_frame_is_taken_and_said(tmp_path: Path) -> None:
    later = [Image.new("RGB", (96, 64), colour) for colour in ("black", "yellow")]
    photo = decode_photo(
        save(tmp_path / "a", corners(), "AVIF", save_all=True, append_images=later, quality=95), LIMITS
    )
    assert_upright(photo)
    assert photo.notes == ("first of 3 frames taken",)


@pytest.mark.parametrize("primary", [0, 1])
def test_of_a_heic_with_several_pictures_the_primary_one_is_taken_and_said(
    tmp_path: Path, primary: int
) -> None:
    pictures = pillow_heif.HeifFile()
    for number in range(2):
        pictures.add_from_pillow(corners() if number == primary else Image.new("RGB", (96, 64)))
    pictures.save(tmp_path / "a.heic", quality=95, primary_index=primary)
    photo = decode_photo(tmp_path / "a.heic", LIMITS)
    assert_upright(photo)
    assert photo.notes == ("the one of its 2 pictures taken that it names as its primary one",)


@pytest.mark.parametrize("size", [(300, 1), (1, 300), (1, 1), (3, 2)])
@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_of_one_row_or_column_is_read(tmp_path: Path, format: str, size: tuple[int, int]) -> None:
    photo = decode_photo(save(tmp_path / "a", Image.new("RGB", size, RED), format), LIMITS)
    assert photo.rgb.shape == (*size[::-1], 3)
    assert np.abs(photo.rgb.astype(int) - RED).max() <= 14


def test_the_film_behind_a_moving_photograph_is_no_damage(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", corners(), "JPEG", quality=95)
    path.write_bytes(path.read_bytes() + b"\0\0\0\x18ftypmp42" + b"\0\0\0\x08free" + bytes(range(256)) * 9)
    assert_upright(decode_photo(path, LIMITS))


def test_an_orientation_that_only_xmp_tells_is_applied(tmp_path: Path) -> None:
    told = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    turned = corners().transpose(Image.Transpose.ROTATE_90)
    assert_upright(decode_photo(save(tmp_path / "a.jpg", turned, "JPEG", quality=95, xmp=told), LIMITS))


def test_an_avif_is_turned_by_its_boxes_and_not_by_a_tag_alone_as_browsers_show_it(tmp_path: Path) -> None:
    stands, exif = (
        0x0103,
        Image.Exif(),
    )  # another number in the orientation's place: Pillow writes that as a box
    exif[stands] = 6
    data = save(tmp_path / "a", corners(), "AVIF", quality=95, exif=exif.tobytes()).read_bytes()
    for order in "<>":
        data = data.replace(
            struct.pack(f"{order}HHI", stands, 3, 1), struct.pack(f"{order}HHI", ORIENTATION, 3, 1)
        )
    (tmp_path / "a.avif").write_bytes(data)
    photo = decode_photo(tmp_path / "a.avif", LIMITS)
    assert photo.rgb.shape == (64, 96, 3)
    assert photo.notes == ()
    assert_upright(photo)
