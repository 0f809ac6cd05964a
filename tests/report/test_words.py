"""Words of the page."""

from likeness.report.words import SHOWABLE, bin_words, number_words, size_words


def test_units_and_bins_read_well():
    assert [number_words(n) for n in (485376.0, 1.13083, 0.00012345)] == ["485,376", "1.131", "0.0001234"]
    assert bin_words("15_30") == "15 to 30°"
    assert bin_words("30_90") == "over 30°"
    assert [size_words(one) for one in ("0_64", "64_128", "256_100000")] == [
        "under 64",
        "64 to 128",
        "256 and more",
    ]


def test_nothing_unsafe_may_be_shown():
    assert SHOWABLE.isdisjoint(
        {
            "explicit",
            "not-rated",
            "apparent-minor",
            "age-not-judged",
            "no-licence",
            "not-the-persona",
            "several-faces",
        }
    )
