"""likeness.ingest.decode: anyone's file -> upright sRGB pixels, or the right reason."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from ingest_files import RAMP, grey_tiff, reason, save
from ingest_pictures import (
    BLUE,
    GREEN,
    LIMITS,
    RED,
    assert_upright,
    corner_colours,
    corners,
    display_p3_like,
    with_chunks,
)
from PIL import Image, ImageCms

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


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_the_embedded_profile_is_applied(tmp_path: Path, format: str) -> None:
    path = save(tmp_path / "photo.x", corners(), format, icc_profile=display_p3_like())
    red, _, blue, _ = corner_colours(decode_photo(path, LIMITS))
    assert np.abs(np.subtract(red, BLUE)).max() <= 20
    assert np.abs(np.subtract(blue, RED)).max() <= 20


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = decode_photo(save(tmp_path / "a.png", corners(), "PNG", icc_profile=profile), LIMITS)
    assert_upright(photo, tolerance=1)


def test_an_unreadable_or_unfitting_profile_is_ignored_and_noted(tmp_path: Path) -> None:
    broken = decode_photo(save(tmp_path / "a.jpg", corners(), "JPEG", icc_profile=b"no profile"), LIMITS)
    assert_upright(broken)
    assert any("profile unreadable" in note for note in broken.notes)
    rgb_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = decode_photo(
        save(tmp_path / "g.jpg", corners().convert("L"), "JPEG", icc_profile=rgb_profile), LIMITS
    )
    assert any("profile ignored" in note for note in grey.notes)


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


def test_cmyk_without_a_profile_keeps_its_colours_and_says_so(tmp_path: Path) -> None:
    photo = decode_photo(save(tmp_path / "a.jpg", corners().convert("CMYK"), "JPEG"), LIMITS)
    assert_upright(photo, tolerance=20)
    assert any("CMYK" in note for note in photo.notes)


@pytest.mark.parametrize(
    ("mode", "format"),
    [
        *(("P", "PNG"), ("L", "JPEG"), ("1", "PNG"), ("LA", "PNG"), ("P", "GIF")),
        *(("CMYK", "TIFF"), ("LAB", "TIFF"), ("YCbCr", "TIFF")),
    ],
)
def test_every_common_mode_becomes_rgb(tmp_path: Path, mode: str, format: str) -> None:
    source = corners()
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        image = ImageCms.applyTransform(source, to_lab)
    else:
        image = source.convert(mode)
    photo = decode_photo(save(tmp_path / "photo.x", image, format), LIMITS)
    # Brightness of each quarter, because a dithered picture is right only on average.
    expected = np.asarray(source.convert("L").resize((2, 2), Image.Resampling.BOX), int)
    found = np.asarray(Image.fromarray(photo.rgb).convert("L").resize((2, 2), Image.Resampling.BOX), int)
    assert np.abs(found - expected).max() <= 12


def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (32, 1))
    for format in ("PNG", "TIFF"):
        path = tmp_path / f"ramp.{format}"
        Image.fromarray(ramp).save(path, format=format)
        assert np.abs(decode_photo(path, LIMITS).rgb[3, :, 0].astype(int) - np.arange(256)).max() <= 1


def test_32_bit_numbers_are_refused_because_their_range_is_unknown(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.ones((32, 32), np.float32)), "TIFF")
    assert reason(path) == "unsupported-mode"


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


@pytest.mark.parametrize(("dtype", "bits"), [("<u2", 16), ("u1", 8)])
def test_white_is_zero_is_no_negative(tmp_path: Path, dtype: str, bits: int) -> None:
    values = RAMP if bits == 16 else (RAMP >> 8).astype(dtype)
    (tmp_path / "a.tif").write_bytes(grey_tiff(values, photometric=0, bits=bits))
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    assert np.abs(photo.rgb[3, :, 0].astype(int) - np.arange(256)[::-1]).max() <= 1
    assert any("WhiteIsZero" in note for note in photo.notes) == (bits == 16)  # Pillow itself turns 8 bits


def packed_12(values: np.ndarray) -> bytes:
    """Two numbers of 12 bits in three bytes, the highest bits first, as TIFF has them in either byte order."""
    pairs = (values.astype(np.uint32) >> 4).reshape(-1, 2)
    return b"".join(int(one << 12 | other).to_bytes(3, "big") for one, other in pairs)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [12, 16])
def test_grey_of_more_than_8_bits_is_read_in_either_byte_order(
    tmp_path: Path, order: str, photometric: int, bits: int
) -> None:
    pixels = RAMP.astype(f"{order}u2").tobytes() if bits == 16 else packed_12(RAMP)
    tags = {
        256: 256,
        257: 32,
        258: bits,
        259: 1,
        262: photometric,
        273: 122,
        277: 1,
        278: 32,
        279: len(pixels),
    }
    table = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    (tmp_path / "a.tif").write_bytes((header + table).ljust(122, b"\0") + pixels)
    photo = decode_photo(tmp_path / "a.tif", LIMITS)
    expected = np.arange(256) if photometric else np.arange(256)[::-1]
    assert np.abs(photo.rgb[3, :, 0].astype(int) - expected).max() <= 1
    assert any("WhiteIsZero" in note for note in photo.notes) == (photometric == 0)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_stored_in_16_are_scaled_up_and_said(tmp_path: Path, bits: int) -> None:
    values = (RAMP >> (16 - bits)).astype("<u2")
    for name, data in (("a.tif", grey_tiff(values, photometric=1)), ("a.png", None)):
        if data is None:
            Image.fromarray(values).save(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(data)
        photo = decode_photo(tmp_path / name, LIMITS)
        assert np.abs(photo.rgb[3, :, 0].astype(int) - np.arange(256)).max() <= 1
        assert photo.notes == (f"its 16-bit numbers hold {bits} bits: scaled up",)


SWAPPED = (b"iCCP", b"x\0\0" + zlib.compress(display_p3_like()))
LINEAR = (b"gAMA", struct.pack(">I", 100_000))


@pytest.mark.parametrize(
    "chunks",
    [
        [(b"tEXt", b"Comment\0cICP\x09\x10\0\1")],  # words are no chunk
        [(b"cICP", bytes([1, 13, 0, 1])), SWAPPED],  # cICP counts before the profile
        [(b"sRGB", b"\0"), LINEAR],
        [
            (b"gAMA", struct.pack(">I", 45455)),
            (b"cHRM", struct.pack(">8I", 31270, 32900, *(64000, 33000) * 3)),
        ],
        [(b"gAMA", struct.pack(">I", 0))],
        [(b"iCCP", b"x\0\0garbage")],
    ],
    ids=["words", "cICP-over-iCCP", "sRGB-over-gAMA", "one-primary-thrice", "gamma-0", "broken-iCCP"],
)
def test_contradictions_of_a_pngs_colours_are_settled_as_the_standard_says(tmp_path: Path, chunks) -> None:
    (tmp_path / "a.png").write_bytes(with_chunks(*chunks))
    assert_upright(decode_photo(tmp_path / "a.png", LIMITS), tolerance=2)


def test_a_profile_counts_before_a_pngs_gamma(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(with_chunks(SWAPPED, LINEAR))
    red, _, blue, _ = corner_colours(decode_photo(tmp_path / "a.png", LIMITS))
    assert np.abs(np.subtract(red, BLUE)).max() <= 20
    assert np.abs(np.subtract(blue, RED)).max() <= 20


@pytest.mark.parametrize("codes", [(1, 13, 0, 0), (1, 13, 1, 1)], ids=["narrow-range", "a-matrix"])
def test_a_pngs_cicp_of_another_kind_is_refused(tmp_path: Path, codes: tuple[int, ...]) -> None:
    (tmp_path / "a.png").write_bytes(with_chunks((b"cICP", bytes(codes))))
    assert reason(tmp_path / "a.png") == "unsupported-colour"


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
