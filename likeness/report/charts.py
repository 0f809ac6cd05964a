"""Inline SVG charts: the loss over steps, similarity scores as rows of dots, and a share of the ceiling on its scale.

Colours come from the page's CSS classes, so both follow its light and dark theme. Numbers are rounded to
tenths of a unit of the drawing: equal data, equal bytes.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup, escape

from likeness.formatting import percent

# The loss of diffusion training is dominated by which noise level was drawn: the mean of about this many
# steps shows the trend.
SMOOTHING_SHARE = 0.08

WIDTH, HEIGHT = 960.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 14.0, 34.0
MAX_POINTS = 600  # more than the drawing has pixels would only make the page heavy

ROW, LABELS, AXIS = 36.0, 320.0, 30.0
DOTS_RIGHT = 40.0
SCALE_WIDTH, SCALE_EDGE = 480.0, 12.0
DOT_RADIUS = 3.4


def loss_curve(steps: Sequence[int], losses: Sequence[float]) -> Markup:
    """The loss at each step, faint, under its running mean; empty for fewer than two finite points."""
    points = [(s, v) for s, v in zip(steps, losses, strict=True) if math.isfinite(v)]
    if len(points) < 2:
        return Markup("")
    smooth = smoothed([value for _, value in points])
    first, last = points[0][0], points[-1][0]
    axes = Axes(first, last, 0.0, max(value for _, value in points) * 1.05 or 1.0, WIDTH - RIGHT)
    nth = stride(points)
    raw = axes.path(points[::nth])
    mean = axes.path([(s, v) for (s, _), v in zip(points, smooth, strict=True)][::nth])
    title = f"Training loss over {last} steps: running mean from {smooth[0]:.3f} to {smooth[-1]:.3f}"
    step = f'<text class="tick" x="{WIDTH - RIGHT:g}" y="{HEIGHT - 2:g}" text-anchor="end">step</text>'
    lines = [axes.frame(), f'<path class="faint" d="{raw}"/><path class="line" d="{mean}"/>', step]
    return svg(WIDTH, HEIGHT, title, lines)


def svg(width: float, height: float, title: str, parts: Sequence[str], css: str = "chart") -> Markup:
    """A drawing of these parts, with the words that stand for it where it is not seen; a wide one scrolls where there is no room
    for it: made smaller, its numbers could not be read."""
    drawing = Markup(
        f'<svg class="{css}" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )
    if width < WIDTH:
        return drawing
    label = escape(re.split("[:.]", title)[0])
    return Markup(f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{drawing}</div>')


@dataclass(frozen=True, kw_only=True)
class DotRow:
    """A row of the similarity drawing: scores of single images, and their mean if there are any."""

    label: str
    note: str
    scores: Sequence[float]
    mean: float | None
    strong: bool = False


def dot_rows(rows: Sequence[DotRow]) -> Markup:
    """Similarity scores as dots on one axis, a row for each set of images, with a bar at each mean."""
    values = [score for row in rows for score in row.scores]
    if not values:
        return Markup("")
    low, high = min(0.0, math.floor(min(values) * 10) / 10), 1.0
    height = AXIS + ROW * len(rows) + 12

    def x(value: float) -> float:
        return LABELS + (value - low) / (high - low) * (WIDTH - LABELS - DOTS_RIGHT)

    parts = [
        f'<line class="grid" x1="{x(v):.1f}" x2="{x(v):.1f}" y1="{AXIS - 8:g}" y2="{height - 12:g}"/>'
        f'<text class="tick" x="{x(v):.1f}" y="{AXIS - 14:g}" text-anchor="middle">{v:.1f}</text>'
        for v in ticks(low, high, 6)
    ]
    for index, row in enumerate(rows):
        y = AXIS + ROW * (index + 0.5)
        css = "dot strong" if row.strong else "dot"
        parts.append(f'<text class="label" x="0" y="{y - 1:g}">{escape(row.label)}</text>')
        each = f", one of {nth} shown" if (nth := stride(row.scores)) > 1 else ""
        parts.append(f'<text class="tick" x="0" y="{y + 13:g}">{escape(row.note + each)}</text>')
        parts += [
            f'<circle class="{css}" cx="{x(score):.1f}" cy="{y + _jitter(n):.1f}" r="{DOT_RADIUS}"/>'
            for n, score in enumerate(row.scores[::nth])
        ]
        if not row.scores:
            parts.append(f'<text class="tick" x="{x(low) + 10:.1f}" y="{y + 4:g}">no face found</text>')
        if row.mean is not None:
            parts.append(
                f'<rect class="mean" x="{x(row.mean) - 1.5:.1f}" y="{y - 12:g}" width="3" height="24"/>'
            )
            parts.append(
                f'<text class="value" x="{WIDTH:g}" y="{y + 4:g}" text-anchor="end">{row.mean:.2f}</text>'
            )
    means = [f"{row.label} {row.mean:.2f}" for row in rows if row.mean is not None]
    return svg(WIDTH, height, f"Similarity, mean of each set: {', '.join(means)}", parts)


def share_scale(share: float, low: float | None, high: float | None, marks: Mapping[str, float]) -> Markup:
    """A share of the ceiling with its interval on a line from 0 to 100 %, beside the shares that others reach."""
    known = [value for value in (low, high) if value is not None]
    ends = [0.0, 1.0, share, *known, *marks.values()]
    least, most = min(ends), max(ends)

    def x(value: float) -> float:
        return SCALE_EDGE + (value - least) / (most - least) * (SCALE_WIDTH - 2 * SCALE_EDGE)

    said = [f"drawn {percent(share)}", *(f"{label} {percent(value)}" for label, value in marks.items())]
    parts = [f'<line class="grid" x1="{x(0):.1f}" x2="{x(1):.1f}" y1="60" y2="60"/>']
    if low is not None and high is not None:
        parts.append(f'<line class="spread" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="60" y2="60"/>')
    below = sorted([*marks.items(), ("photographs", 1.0)], key=lambda mark: mark[1])
    for index, (label, value) in enumerate(below):
        y = 92 + 22 * index  # a line each: what lies close together stays readable
        parts.append(f'<line class="axis" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="52" y2="68"/>')
        parts.append(_at(x(value), y, "tick", f"{label} {percent(value)}"))
    parts.append(f'<circle class="dot strong whole" cx="{x(share):.1f}" cy="60" r="9"/>')
    parts.append(_at(x(share), 32, "label", f"drawn {percent(share)}"))
    title = f"Share of the ceiling: {', '.join(said)}"
    return svg(SCALE_WIDTH, 80 + 22 * len(below), title, parts, "chart share")


def _at(x: float, y: float, css: str, text: str) -> str:
    """A text in the middle of x, or at the edge where it would reach over it."""
    anchor = "start" if x < SCALE_WIDTH * 0.15 else "end" if x > SCALE_WIDTH * 0.85 else "middle"
    return f'<text class="{css}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


@dataclass(frozen=True)
class Axes:
    """A drawing over steps: from which step and value to which, and where it ends at the right."""

    first: float
    last: float
    low: float
    high: float
    right: float

    def x(self, step: float) -> float:
        """The place of a step."""
        return LEFT + (step - self.first) / max(1, self.last - self.first) * (self.right - LEFT)

    def y(self, value: float) -> float:
        """The place of a value."""
        return HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def frame(self) -> str:
        """The lines and numbers: values at the left, steps below."""
        lines = [
            f'<line class="grid" x1="{LEFT:g}" x2="{self.right:g}" y1="{self.y(v):.1f}" y2="{self.y(v):.1f}"/>'
            f'<text class="tick" x="{LEFT - 8:g}" y="{self.y(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
            for v in ticks(self.low, self.high, 4)
        ]
        steps = [
            f'<text class="tick" x="{self.x(s):.1f}" y="{HEIGHT - BOTTOM + 20:g}" text-anchor="middle">{s:g}</text>'
            for s in ticks(self.first, self.last, 6)
        ]
        return "".join(lines + steps)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """The `d` of a path through points (step, value)."""
        return "M" + "L".join(f"{self.x(s):.1f} {self.y(v):.1f}" for s, v in points)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, about so many."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) + 0.0 for n in range(first, math.floor(high / step + 1e-9) + 1)]


def smoothed(values: Sequence[float]) -> list[float]:
    """Centred running mean; at both ends the window loses the half that would lie outside."""
    reach = max(1, round(len(values) * SMOOTHING_SHARE / 2))
    sums = list(accumulate(values, initial=0.0))
    smooth: list[float] = []
    for index in range(len(values)):
        first, last = max(0, index - reach), min(len(values), index + reach + 1)
        smooth.append((sums[last] - sums[first]) / (last - first))
    return smooth


def stride(points: Sequence[object]) -> int:
    """One of how many points is drawn."""
    return max(1, math.ceil(len(points) / MAX_POINTS))


def _jitter(index: int) -> float:
    """Dots of one row lie on five lines, so that equal scores don't hide each other."""
    return (index * 2 % 5 - 2) * 3.0
