"""Money, sizes and durations as a person reads them."""

import pytest

from likeness.formatting import format_bytes, format_seconds, format_usd


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "$0.00"), (5, "$5.00"), (0.004, "$0.0040"), (0.05, "$0.05"), (0.0525, "$0.0525"), (3.2049, "$3.20")],
)
def test_small_sums_keep_hundredths_of_a_cent(value, text):
    assert format_usd(value) == text


def test_sizes_have_the_unit_that_a_person_would_choose():
    sizes = [format_bytes(size) for size in (999, 1500, 2_500_000, 3_000_000_000)]
    assert sizes == ["999 bytes", "1.5 kB", "2.5 MB", "3.0 GB"]


def test_durations():
    told = [format_seconds(value) for value in (None, 3.2, 59.6, 61, 7100, 7200)]
    assert told == ["?", "3 s", "60 s", "1 min", "118 min", "2.0 h"]
