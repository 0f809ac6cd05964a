"""No photograph of the demo bears a trademark, and what took it off takes off nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.images import load_rgb
from tools.synthetic_people.plain_shirts import LOGOS, RAW, WORN_PX, plain, strokes


@pytest.mark.parametrize("name", LOGOS)
def test_the_shirts_bear_no_logo(name):
    left = strokes(load_rgb(RAW / name), replace(LOGOS[name], pale_ring=False, grow=1))
    assert left.sum() < WORN_PX


@pytest.mark.parametrize("name", LOGOS)
def test_a_logo_is_taken_off_and_the_rest_stays(name):
    logo, rgb = LOGOS[name], load_rgb(RAW / name)
    x, y = logo.middle
    marked = rgb.copy()
    marked[y - 30 : y + 30, x - 3 : x + 3] = (235, 200, 120)
    cleaned = plain(marked, logo)
    where = np.zeros(rgb.shape[:2], bool)
    where[y - 30 : y + 30, x - 3 : x + 3] = True
    assert (
        np.abs(cleaned.astype(int) - rgb)[where].mean() < 0.2 * np.abs(marked.astype(int) - rgb)[where].mean()
    )
    far = np.ones_like(where)
    far[y - 2 * logo.axes[1] : y + 2 * logo.axes[1], x - 2 * logo.axes[0] : x + 2 * logo.axes[0]] = False
    np.testing.assert_array_equal(cleaned[far], marked[far])
