"""Pictures inside the page."""

import base64

import numpy as np

from likeness.images import decode_rgb, encode_png
from likeness.report.pictures import Album

RGB = np.random.default_rng(0).integers(0, 255, (80, 40, 3)).astype(np.uint8)


def test_a_picture_is_a_small_jpeg_inside_the_page(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(RGB))
    picture = Album(quality=80, max_bytes=10**6).file(tmp_path / "a.png", "alt", width_px=20)
    decoded = decode_rgb(base64.b64decode(picture.uri.removeprefix("data:image/jpeg;base64,")))
    assert decoded.shape == (40, 20, 3)
    assert (picture.width, picture.height) == (20, 40)


def test_the_page_stays_below_its_size_and_counts_what_is_missing():
    one = len(Album(quality=80, max_bytes=10**6).rgb(RGB, "", width_px=40).uri)
    album = Album(quality=80, max_bytes=2 * one)
    made = [album.rgb(RGB, "", width_px=40) for _ in range(3)]
    assert [picture is None for picture in made] == [False, False, True]
    assert album.left_out == 1


def test_a_missing_file_is_no_picture(tmp_path):
    assert Album(quality=80, max_bytes=10**6).file(tmp_path / "none.png", "", width_px=40) is None
