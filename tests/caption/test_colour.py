"""Colours get the names people use."""

import numpy as np
import pytest

from likeness.caption.colour import colour_words
from likeness.images import to_lab


def lab(*rgb_and_share: tuple[tuple[int, int, int], float]) -> np.ndarray:
    rows = [np.tile(np.array([[rgb]], np.uint8), (1, round(share * 1000), 1)) for rgb, share in rgb_and_share]
    return to_lab(np.concatenate(rows, axis=1))[0]


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((0, 0, 0), "black"),
        ((70, 70, 72), "dark grey"),
        ((128, 128, 128), "grey"),
        ((175, 175, 178), "light grey"),
        ((250, 250, 250), "white"),
        ((200, 30, 40), "red"),
        ((90, 10, 15), "dark red"),
        ((255, 170, 190), "pink"),
        ((245, 140, 20), "orange"),
        ((240, 220, 60), "yellow"),
        ((40, 140, 50), "green"),
        ((15, 60, 20), "dark green"),
        ((60, 130, 140), "teal"),
        ((40, 90, 200), "blue"),
        ((20, 30, 90), "dark blue"),
        ((150, 190, 240), "light blue"),
        ((110, 50, 150), "purple"),
        ((100, 65, 35), "brown"),
        ((225, 210, 180), "beige"),
        ((165, 118, 103), "reddish brown"),
    ],
)
def test_a_colour_is_called_by_its_name(rgb, word):
    assert colour_words(lab((rgb, 1.0))) == word


def test_two_colours_are_named_the_larger_first():
    assert colour_words(lab(((250, 250, 250), 0.4), ((40, 90, 200), 0.6))) == "blue and white"


def test_light_and_shade_of_one_cloth_are_one_colour():
    assert colour_words(lab(((198, 193, 184), 0.5), ((206, 200, 186), 0.5))) in {
        "light grey",
        "white",
        "beige",
    }


def test_an_accent_is_not_named():
    assert colour_words(lab(((40, 90, 200), 0.85), ((200, 30, 40), 0.15))) == "blue"


def test_a_mixture_has_no_name():
    colours = ((200, 30, 40), (40, 140, 50), (40, 90, 200), (240, 220, 60), (250, 250, 250))
    assert colour_words(lab(*((colour, 0.2) for colour in colours))) is None
    assert colour_words(np.empty((0, 3), np.float32)) is None
