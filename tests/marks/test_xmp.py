"""What an image says of its own making."""

import io

import numpy as np
import pytest
from PIL import Image

from likeness.images import decode_rgb, encode_jpeg
from likeness.marks.xmp import SourceType, find_code, mark_jpeg, source_type

RGB = np.random.default_rng(0).integers(0, 255, (32, 24, 3)).astype(np.uint8)


def test_pillow_reads_the_mark_as_xmp():
    marked = mark_jpeg(encode_jpeg(RGB), SourceType.COMPOSITE_SYNTHETIC)
    with Image.open(io.BytesIO(marked)) as image:
        xmp = image.info["xmp"].decode()
    assert 'DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"' in xmp


def test_marking_keeps_every_pixel():
    jpeg = encode_jpeg(RGB)
    assert np.array_equal(decode_rgb(mark_jpeg(jpeg, SourceType.TRAINED)), decode_rgb(jpeg))


def test_a_second_mark_replaces_the_first():
    jpeg = encode_jpeg(RGB)
    twice = mark_jpeg(mark_jpeg(jpeg, SourceType.TRAINED), SourceType.COMPOSITE_CAPTURE)
    assert twice == mark_jpeg(jpeg, SourceType.COMPOSITE_CAPTURE)
    assert find_code(twice) == SourceType.COMPOSITE_CAPTURE
    assert find_code(jpeg) is None


@pytest.mark.parametrize("code", list(SourceType))
def test_every_code_reads_back(code: SourceType):
    assert find_code(mark_jpeg(encode_jpeg(RGB), code)) == code


@pytest.mark.parametrize(
    ("swapped", "neural", "synthetic", "code"),
    [
        (False, None, False, SourceType.ALGORITHMICALLY_ENHANCED),
        (False, None, True, SourceType.COMPOSITE_SYNTHETIC),
        (True, False, False, SourceType.COMPOSITE_CAPTURE),
        (True, False, True, SourceType.COMPOSITE_SYNTHETIC),
        (True, True, False, SourceType.COMPOSITE_WITH_TRAINED),
        (True, True, True, SourceType.COMPOSITE_WITH_TRAINED),
        (True, None, False, SourceType.COMPOSITE_WITH_TRAINED),
    ],
)
def test_a_swapper_of_which_nothing_is_known_counts_as_a_trained_network(swapped, neural, synthetic, code):
    assert source_type(swapped=swapped, neural=neural, synthetic=synthetic) == code
