"""Drawings of the report."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.report.charts import DotRow, dot_rows, loss_curve, share_scale, ticks
from likeness.report.curves import Line, curves


@given(st.floats(-100, 100), st.floats(0.01, 1000), st.integers(2, 9))
def test_ticks_are_round_inside_and_about_as_many_as_asked(low, span, about):
    found = ticks(low, low + span, about)
    assert len(found) <= about + 1
    assert all(low - 1e-6 <= value <= low + span + 1e-6 for value in found)
    steps = {round(b - a, 9) for a, b in pairwise(found)}
    assert all(float(f"{step:.1e}") == pytest.approx(step) for step in steps)


def test_the_curve_is_svg_and_leaves_out_what_is_no_number():
    svg = loss_curve([1, 2, 3, 4], [0.5, math.nan, 0.3, 0.2])
    root = ElementTree.fromstring(svg)
    (drawing,) = root.iter("svg")
    assert drawing.get("aria-label") == "Training loss over 4 steps: running mean from 0.400 to 0.250"
    # On a phone it keeps its size and scrolls, by keyboard too.
    assert (root.get("class"), root.get("tabindex"), root.get("role")) == ("scroll", "0", "region")
    assert root.get("aria-label") == "Training loss over 4 steps"
    assert "nan" not in svg
    (raw,) = (node.get("d") for node in root.iter("path") if node.get("class") == "faint")
    assert raw.count("L") == 2  # three finite points


def test_a_falling_loss_falls_in_the_drawing():
    root = ElementTree.fromstring(loss_curve(list(range(100)), [1 - n / 100 for n in range(100)]))
    path = next(node.get("d") for node in root.iter("path") if node.get("class") == "line")
    ys = [float(point.split()[1]) for point in re.split("[ML]", path)[1:]]
    assert ys == sorted(ys)  # downwards is a larger y


def test_too_little_to_draw_is_nothing():
    assert loss_curve([1], [0.1]) == ""
    assert loss_curve([], []) == ""
    empty = DotRow(label="x", note="", scores=[], mean=None)
    assert dot_rows([empty]) == ""
    assert "no face found" in dot_rows([empty, DotRow(label="y", note="", scores=[0.5], mean=0.5)])


def test_every_score_is_a_dot_inside_the_drawing_and_text_is_escaped():
    svg = dot_rows([DotRow(label="<b>", note="&", scores=[-0.2, 0.5, 1.0], mean=0.43)])
    root = ElementTree.fromstring(svg)
    xs = [float(dot.get("cx")) for dot in root.iter("circle")]
    assert len(xs) == 3
    assert xs == sorted(xs)
    assert min(xs) >= 0
    assert max(xs) <= 960
    assert "0.43" in svg


def test_the_scale_of_a_share_says_all_its_marks_and_none_over_another():
    marks = {"strangers": 0.49 / 0.87, "the base alone": 0.3 / 0.87}
    drawn = share_scale(0.7, 0.65, 0.76, marks)
    assert 'aria-label="Share of the ceiling: drawn 70 %, strangers 56 %, the base alone 34 %"' in drawn
    rows = re.findall(r'y="(\d+)"[^>]*>(?:strangers|the base alone|photographs)', drawn)
    assert len(set(rows)) == 3
    assert 'class="spread"' not in share_scale(0.7, None, None, marks)


def test_several_lines_are_told_apart_without_colour_and_their_numbers_do_not_overlap():
    points = [(1, 0.5), (2, 0.4), (3, math.nan), (4, 0.3)]
    svg = curves([Line(number=n, label=f"<run {n}>", points=points) for n in (1, 2, 3)], "Loss by step")
    root = ElementTree.fromstring(svg)
    (drawing,) = root.iter("svg")
    assert drawing.get("aria-label") == (
        "Loss by step. 1, <run 1>: 0.500 to 0.300; 2, <run 2>: 0.500 to 0.300; 3, <run 3>: 0.500 to 0.300"
    )
    assert len({path.get("class") for path in root.iter("path")}) == 3
    numbers = [node for node in root.iter("text") if node.get("class") == "value"]
    places = sorted(float(node.get("y")) for node in numbers)
    assert all(b - a >= 15 for a, b in pairwise(places))
    assert curves([Line(number=1, label="x", points=points[:1])], "") == ""
    assert Line(number=1, label="x", points=[(1, 1.0), (2, 3.0)]).smooth().points[0][1] == 2.0
