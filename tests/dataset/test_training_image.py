"""Training images: their size, their bytes, their mark."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from likeness.dataset.build import Planned
from likeness.dataset.select import Chosen
from likeness.dataset.training_image import training_jpeg
from likeness.images import decode_rgb, encode_jpeg, encode_png
from likeness.marks.xmp import SourceType, find_code, mark_jpeg
from likeness.pipeline.manifest import Entry
from likeness.pipeline.training_size import size_of, training_size

CODE = SourceType.COMPOSITE_SYNTHETIC


@pytest.mark.parametrize(
    ("size", "side_px", "expected"),
    [
        ((2048, 2048), 1024, (1024, 1024)),
        ((1664, 2432), 1024, (832, 1216)),  # an SDXL bucket, enhanced twice
        ((2048, 2048), None, (2048, 2048)),
        ((800, 800), 1024, (800, 800)),  # never enlarged
        ((3000, 1001), 1024, (1773, 592)),  # no size on the grid has this shape
    ],
)
def test_an_image_is_reduced_to_the_area_of_the_square(size, side_px, expected):
    assert training_size(*size, side_px) == expected


@given(st.integers(65, 8000), st.integers(65, 8000), st.integers(64, 2048))
def test_a_size_keeps_the_shape_and_stays_near_the_area(width, height, side_px):
    new_width, new_height = training_size(width, height, side_px)
    assert new_width <= width
    assert new_height <= height
    assert abs(new_width / width - new_height / height) <= 1 / min(width, height) + 1 / min(
        new_width, new_height
    )
    if width * height > side_px**2:
        assert new_width * new_height <= (side_px + 64) ** 2


def test_the_enhanced_image_is_reduced_with_lanczos_and_marked():
    rgb = np.random.default_rng(1).integers(0, 255, (96, 64, 3)).astype(np.uint8)
    data, width, height = training_jpeg(encode_png(rgb), size_px=(32, 48), quality=95, code=CODE)
    assert (width, height) == (32, 48)
    lanczos = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))
    assert data == mark_jpeg(encode_jpeg(lanczos, 95), CODE)
    assert find_code(data) == CODE
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert image.size == (width, height)


def test_full_size_keeps_the_enhanced_bytes_and_only_adds_the_mark():
    enhanced = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 80)
    data, *size = training_jpeg(enhanced, size_px=(40, 40), quality=95, code=CODE)
    assert data == mark_jpeg(enhanced, CODE)
    assert size == [40, 40]
    assert np.array_equal(decode_rgb(data), decode_rgb(enhanced))


def image(width: int, height: int, bucket_px: tuple[int, int] | None) -> Entry:
    return Entry(
        id="jade-s1", file="jade-s1-sfw-enhanced.jpg", sha256=f"{width}", width=width, height=height, source="s1",
        target=None, rating="sfw", faces=(), provider="lanczos", cost_usd=0, parents=(), bucket_px=bucket_px,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("size", "bucket_px", "side_px", "expected"),
    [
        ((1364, 1993), (832, 1216), 1024, (832, 1216)),  # twice a crop of 682x997: its bucket's shape exactly
        ((1364, 1993), (832, 1216), None, (1364, 1993)),  # full size: never enlarged
        ((1664, 2432), (832, 1216), None, (1664, 2432)),
        ((1000, 1000), (1024, 1024), 1024, (1000, 1000)),
    ],
)
def test_the_size_is_the_buckets_where_the_pixels_are_there(size, bucket_px, side_px, expected):
    assert size_of(image(*size, bucket_px), side_px) == expected


@pytest.mark.parametrize(("crop_px", "picture"), [(1024, "crop"), (1500, "crop"), (1023, "enhanced")])
def test_a_crop_that_fills_the_size_comes_before_its_enlargement(crop_px, picture):
    enhanced, crop = image(2048, 2048, (1024, 1024)), image(crop_px, crop_px, (1024, 1024))
    planned = Planned(
        chosen=Chosen(image=enhanced, caption=enhanced),
        crop=crop,
        code=CODE,
        repeats=1,
        directory="train",
    )
    assert planned.picture(1024) is {"crop": crop, "enhanced": enhanced}[picture]
