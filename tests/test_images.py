"""likeness.images: our own PNG and JPEG files."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from likeness.errors import InputError
from likeness.images import decode_rgb, encode_jpeg, encode_png, jpeg_bytes, load_rgb


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=30)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_png_gives_back_every_pixel(height: int, width: int, seed: int) -> None:
    rgb = noise(height, width, seed)
    assert np.array_equal(decode_rgb(encode_png(rgb)), rgb)


def test_the_same_pixels_encode_to_the_same_bytes() -> None:
    rgb = noise(32, 48)
    assert encode_png(rgb) == encode_png(rgb.copy())
    assert encode_jpeg(rgb) == encode_jpeg(np.asfortranarray(rgb))


def test_jpeg_keeps_full_colour_resolution() -> None:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[:, ::2] = (255, 0, 0)
    rgb[:, 1::2] = (0, 0, 255)
    with Image.open(io.BytesIO(encode_jpeg(rgb))) as image:
        assert [component[1:3] for component in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
        assert not image.info.get("exif")
    assert np.abs(decode_rgb(encode_jpeg(rgb)).astype(int) - rgb).mean() < 6


def test_jpeg_quality_is_the_callers() -> None:
    rgb = noise(64, 64)
    assert len(encode_jpeg(rgb, quality=60)) < len(encode_jpeg(rgb)) < len(encode_jpeg(rgb, quality=99))


def test_what_is_no_picture_is_told_in_the_same_words_each_time():
    told = []
    for _ in range(2):
        with pytest.raises(InputError) as error:
            decode_rgb(b"GIF89a" + bytes(32))
        told.append(error.value.message)
    assert told == ["image is not a readable image: it is none of JPEG, PNG, WEBP"] * 2


@pytest.mark.parametrize(("quality", "progressive"), [(75, True), (92, False), (95, False)])
def test_noise_is_encoded_too(quality, progressive):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8)
    data = jpeg_bytes(Image.fromarray(noise), quality=quality, subsampling=0, progressive=progressive)
    assert np.abs(decode_rgb(data).astype(int) - noise).mean() < 20


@pytest.mark.parametrize("encode", [encode_png, encode_jpeg])
def test_an_image_is_read_back_writable(tmp_path: Path, encode) -> None:
    (tmp_path / "a").write_bytes(encode(noise(16, 24)))
    loaded = load_rgb(tmp_path / "a")
    assert loaded.shape == (16, 24, 3)
    assert loaded.dtype == np.uint8
    assert loaded.flags.writeable


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4, 4), np.uint8)]
)
def test_what_is_not_rgb_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        encode_png(wrong)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_rgb(tmp_path / "none.png")
    assert caught.value.reason == "missing-file"
    assert "dvc repro" in caught.value.remedy


@pytest.mark.parametrize("encode", [encode_png, encode_jpeg])
@pytest.mark.parametrize("part", [0.0, 0.02, 0.6])
def test_a_truncated_file_is_unreadable_and_never_half_grey(tmp_path: Path, encode, part: float) -> None:
    data = encode(noise(64, 64))
    (tmp_path / "a.png").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InputError) as caught:
        load_rgb(tmp_path / "a.png")
    assert caught.value.reason == "unreadable"
    assert "a.png" in caught.value.message
