"""Resampling: right pixels, real-number crops, drafts that can't be told from full decoding."""

import io

import numpy as np
import pytest
from PIL import Image

from likeness.errors import InputError
from likeness.images import encode_png
from likeness.resize.crop import Cut
from likeness.resize.fit import fit, image_size


def jpeg(rgb: np.ndarray, quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()


def smooth(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 37 + k) + np.cos(y / 53 - k) for k in range(3)]
    return (np.stack(waves, -1) * 60 + 127).astype(np.uint8)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def test_a_draft_of_a_large_jpeg_equals_full_decoding():
    rgb = smooth(1803, 1501)
    cut = Cut(box_px=(101.5, 7.25, 1501.5, 1407.25), size_px=(256, 256))
    small = fit(jpeg(rgb), cut, name="x")
    with Image.open(io.BytesIO(jpeg(rgb))) as image:
        full = image.resize((256, 256), Image.Resampling.LANCZOS, box=cut.box_px)
    assert psnr(small, np.array(full)) > 43


def test_a_draft_decodes_fewer_pixels(monkeypatch):
    sizes = []
    resize = Image.Image.resize

    def spy(self, *args, **kwargs):
        sizes.append(self.size)
        return resize(self, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "resize", spy)
    fit(jpeg(smooth(1600, 1600)), Cut(box_px=(0, 0, 1600, 1600), size_px=(256, 256)), name="x")
    assert sizes == [(400, 400)]


def test_a_cut_at_its_own_size_copies_the_pixels():
    rgb = smooth(200, 150)
    cut = Cut(box_px=(40, 20, 104, 84), size_px=(64, 64))
    assert np.array_equal(fit(encode_png(rgb), cut, name="x"), rgb[20:84, 40:104])


def test_grey_images_come_back_as_rgb():
    buffer = io.BytesIO()
    Image.fromarray(smooth(64, 64)[..., 0]).save(buffer, format="JPEG")
    assert fit(buffer.getvalue(), Cut(box_px=(0, 0, 64, 64), size_px=(32, 32)), name="x").shape == (32, 32, 3)


def whole(data: bytes) -> np.ndarray:
    size = image_size(data, name="jade-s1.png")
    return fit(data, Cut(box_px=(0, 0, *size), size_px=(64, 64)), name="jade-s1.png")


@pytest.mark.parametrize("data", [b"", b"no image", jpeg(smooth(300, 300))[:900]])
def test_unreadable_bytes_are_an_input_error(data):
    with pytest.raises(InputError) as caught:
        whole(data)
    assert caught.value.reason == "unreadable"
    assert "jade-s1.png" in str(caught.value)
