"""Pictures inside the page."""

import base64

import numpy as np

from likeness.images import decode_rgb, encode_png
from likeness.marks.xmp import SourceType
from likeness.report.pictures import Album

CODE = SourceType.COMPOSITE_CAPTURE
RGB = np.random.default_rng(0).integers(0, 255, (80, 40, 3)).astype(np.uint8)


def test_a_picture_is_a_small_jpeg_inside_the_page(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(RGB))
    picture = Album(quality=80, max_bytes=10**6, synthetic=False).file(
        tmp_path / "a.png", "alt", width_px=20, code=CODE
    )
    decoded = decode_rgb(base64.b64decode(picture.uri.removeprefix("data:image/jpeg;base64,")))
    assert decoded.shape == (40, 20, 3)
    assert (picture.width, picture.height) == (20, 40)


def test_the_page_stays_below_its_size_and_counts_what_is_missing():
    one = len(Album(quality=80, max_bytes=10**6, synthetic=False).rgb(RGB, "", width_px=40, code=CODE).uri)
    album = Album(quality=80, max_bytes=2 * one, synthetic=False)
    made = [album.rgb(RGB, "", width_px=40, code=CODE) for _ in range(3)]
    assert [picture is None for picture in made] == [False, False, True]
    assert album.left_out == 1


def test_a_missing_file_is_no_picture(tmp_path):
    assert (
        Album(quality=80, max_bytes=10**6, synthetic=False).file(
            tmp_path / "none.png", "", width_px=40, code=CODE
        )
        is None
    )
