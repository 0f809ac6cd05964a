"""The visible label: in the lower left corner of what is published, readable on light and dark, and nowhere else."""

import numpy as np
import pytest

from likeness.images import decode_rgb, encode_jpeg
from likeness.marks.keys import development_key
from likeness.marks.pictures import Origin, mark_picture, with_label
from likeness.marks.xmp import SourceType

LABEL = "AI-generated"


@pytest.mark.parametrize("shade", [0, 90, 255])
@pytest.mark.parametrize(("height", "width"), [(100, 100), (300, 200), (512, 2048)])
def test_the_label_is_light_on_dark_in_the_lower_left_corner_and_changes_nothing_else(shade, height, width):
    before = np.full((height, width, 3), shade, np.uint8)
    changed = (
        (with_label(before, LABEL) != before).any(axis=2) if shade else with_label(before, LABEL).any(axis=2)
    )
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert rows.min() > height / 2
    assert columns.min() <= min(height, width) * 0.08
    strip = with_label(before, LABEL)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert strip.max() > 240
    assert np.median(strip) < 110
    assert 0.03 < (strip.min(axis=2) > 200).mean() < 0.5  # letters, not a bar
    assert strip.shape[1] > 3 * strip.shape[0]


@pytest.mark.parametrize(("text", "side"), [(LABEL, 64), ("W" * 60, 512), ("W" * 60, 1024)])
def test_a_long_label_is_not_cut_off(text, side):
    letters = with_label(np.full((side, side, 3), 90, np.uint8), text).min(axis=2) > 120
    columns = np.flatnonzero(letters.any(axis=0))
    assert columns.max() < side - 1
    assert columns.max() - columns.min() > side * 0.7  # and no smaller than it has to be


def test_no_label_is_drawn_where_none_is_asked_for_and_one_where_it_is(tmp_path):
    data = encode_jpeg(np.full((128, 200, 3), 200, np.uint8), 95)
    origin = Origin(code=SourceType.TRAINED, statement={})
    key = development_key(tmp_path / "k")
    plain, labelled = (
        decode_rgb(mark_picture(data, "x.jpg", origin, mark="0f" * 4, key=key, label=label)).min(axis=2)
        for label in (None, LABEL)
    )
    assert plain.min() > 190
    assert labelled[100:].min() < 120
    assert labelled[:100].min() > 190
