"""likeness.ingest.decode: pictures of every mode, depth and description of colours."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from ingest_files import RAMP, grey_tiff, reason, save
from ingest_pictures import (
    BLUE,
    LIMITS,
    RED,
    assert_upright,
    corner_colours,
    corners,
    display_p3_like,
    with_chunks,
)
from PIL import Image, ImageCms

from likeness.ingest.decode import decode_photo

SWAPPED = (b"iCCP", b"x\0\0" + zlib.compress(display_p3_like()))
LINEAR = (b"gAMA", struct.pack(">I", 100_000))


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
