"""likeness.ingest.decode: files that are no photograph, end early, or are broken."""

import contextlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from ingest_files import RAMP, grey_tiff, reason, save
from ingest_pictures import (
    LIMITS,
    assert_upright,
    corners,
    refusal,
    tagged,
    tiff,
)
from PIL import Image

from likeness.errors import InputError
from likeness.ingest.decode import decode_photo, matches_suffix


def test_content_decides_and_the_name_does_not(tmp_path: Path) -> None:
    photo = decode_photo(save(tmp_path / "photo.png", corners(), "JPEG"), LIMITS)
    assert photo.format == "JPEG"
    assert not matches_suffix("photo.png", photo.format)
    assert matches_suffix("PHOTO.JPG", photo.format)


@pytest.mark.parametrize(
    "content",
    [b"hello, I am text", b"%PDF-1.7 ...", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"\0" * 99],
)
def test_what_is_no_image_is_refused_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert reason(tmp_path / "a.jpg") == "not-an-image"


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert reason(tmp_path / "a.jpg") == "empty-file"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_file_that_ends_early_is_truncated_and_never_half_grey(
    tmp_path: Path, format: str, part: float
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format=format)
    (tmp_path / "photo.x").write_bytes(buffer.getvalue()[: int(len(buffer.getvalue()) * part)])
    assert reason(tmp_path / "photo.x") == "truncated"


def test_a_missing_or_unreadable_file_is_named_so(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.jpg") == "unreadable-file"


def test_a_file_over_the_byte_limit_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(6_000_000)
    assert reason(tmp_path / "a.jpg") == "file-too-large"


def damaged_png() -> bytes:
    """A PNG with one bit flipped in its pixels; Pillow reads it without a word if asked twice."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[len(data) // 2] ^= 1
    return bytes(data)


def test_one_flipped_bit_in_a_png_is_no_photograph(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(damaged_png())
    assert reason(tmp_path / "a.png") == "truncated"


@pytest.mark.parametrize("bits", [12, 8])
def test_fewer_bits_of_colour_stored_in_16_are_refused_and_not_nearly_black(
    tmp_path: Path, bits: int
) -> None:
    colour = np.repeat((RAMP >> 16 - bits).astype("<u2")[:, :, None], 3, axis=2)
    tags = {256: 256, 257: 32, 259: 1, 262: 2, 277: 3, 278: 32}
    data = tiff({tag: (3, value) for tag, value in tags.items()} | {258: (3, 16)}, colour.tobytes())
    (tmp_path / "a.tif").write_bytes(data)
    assert reason(tmp_path / "a.tif") == "unsupported-mode"


def test_a_tiffs_broken_second_page_is_this_files_failure(tmp_path: Path) -> None:
    second = struct.pack("<HHHII", 1, 259, 3, 1, 1) + b"\0" * 4  # one tag, and no size
    error = refusal(tmp_path / "a.tif", grey_tiff(RAMP, photometric=1, following=second))
    assert error.message == "the picture ends early or is damaged: a page of it has no size"


@pytest.mark.parametrize(
    "error", [TypeError, IndexError, SyntaxError, RecursionError, struct.error, MemoryError]
)
def test_whatever_a_decoder_raises_is_this_files_failure(tmp_path: Path, monkeypatch, error: type) -> None:
    def fail(*_: object) -> None:
        raise error("seen")

    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    path = save(tmp_path / "a.jpg", corners(), "JPEG")
    assert reason(path) == ("out-of-memory" if error is MemoryError else "truncated")


def cut(path: Path, bytes_: int) -> Path:
    path.write_bytes(path.read_bytes()[:-bytes_])
    return path


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(
    tmp_path: Path, missing: int, progressive: bool
) -> None:
    path = cut(save(tmp_path / "a.jpg", corners(600, 400), "JPEG", progressive=progressive), missing)
    photo = decode_photo(path, LIMITS)
    assert_upright(photo)
    assert "the marker that ends a JPEG is missing; the picture is whole" in photo.notes


@pytest.mark.parametrize("missing", [4, 30])
def test_a_jpeg_that_lacks_more_is_truncated(tmp_path: Path, missing: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    assert reason(cut(save(tmp_path / "a.jpg", Image.fromarray(noise), "JPEG"), missing)) == "truncated"


def test_a_png_that_lacks_only_its_last_chunk_is_whole(tmp_path: Path) -> None:
    for missing in (3, 6, 9, 12):
        assert_upright(decode_photo(cut(save(tmp_path / "a.png", corners(), "PNG"), missing), LIMITS))
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    assert reason(cut(save(tmp_path / "a.png", Image.fromarray(noise), "PNG"), 30)) == "truncated"


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_jpeg_whose_data_do_not_fit_together_is_damaged_though_pillow_reads_it(
    tmp_path: Path, options
) -> None:
    path = save(tmp_path / "a.jpg", corners(400, 300), "JPEG", quality=92, **options)
    whole, read = path.read_bytes(), 0
    assert decode_photo(path, LIMITS).format == "JPEG"
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + whole[middle + 7 :])  # seven bytes are lost
    Image.open(path).load()
    assert reason(path) == "truncated"
    for bit in range(40):
        flipped = bytearray(whole)
        flipped[len(whole) // 3 + 11 * bit] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with contextlib.suppress(InputError):
            decode_photo(path, LIMITS)
            read += 1
    # A bit that only makes a colour another one leaves nothing to notice.
    assert read < 30


def test_data_after_a_jpeg_and_odd_colours_are_no_damage(tmp_path: Path) -> None:
    for mode in ("RGB", "L", "CMYK"):
        path = save(tmp_path / "a.jpg", corners(400, 300).convert(mode), "JPEG")
        path.write_bytes(path.read_bytes() + b"\0" * 999)
        assert decode_photo(path, LIMITS).rgb.shape == (300, 400, 3)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"_262": (3, 9)}, "PhotometricInterpretation 9"),
        ({"_262": (3, 32844)}, "PhotometricInterpretation 32844"),
        ({"_258": (3, 24)}, "24"),
        ({"_339": (3, 2)}, r"SampleFormat \[2\]"),
    ],
)
def test_a_tiff_of_rare_numbers_is_named_and_not_called_damaged(tmp_path: Path, tags, said: str) -> None:
    (tmp_path / "a.tif").write_bytes(tagged(**tags))
    with pytest.raises(InputError, match=said) as caught:
        decode_photo(tmp_path / "a.tif", LIMITS)
    assert caught.value.reason == "unsupported-kind"
