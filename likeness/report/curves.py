"""Several curves in one inline SVG, distinguished by number, dashes and colour, never by colour alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from likeness.report.charts import HEIGHT, WIDTH, Axes, smoothed, stride, svg

END = 34.0
NUMBER_HEIGHT = 15.0
STYLES = 6
"""As many looks of lines as style.css has; then they begin again."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line: the number it is called by, what it is, and its points (step, value)."""

    number: int
    label: str
    points: Sequence[tuple[float, float]]

    def smooth(self) -> "Line":
        """Its running mean."""
        means = smoothed([value for _, value in self.points])
        points = [(step, mean) for (step, _), mean in zip(self.points, means, strict=True)]
        return Line(number=self.number, label=self.label, points=points)


def curves(lines: Sequence[Line], title: str) -> Markup:
    """The lines over steps; empty where none has two points that are numbers."""
    known = [(line, [(x, y) for x, y in line.points if math.isfinite(y)]) for line in lines]
    known = [(line, points) for line, points in known if len(points) > 1]
    if not known:
        return Markup("")
    steps = [x for _, points in known for x, _ in points]
    values = [y for _, points in known for _, y in points]
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 0.05
    axes = Axes(min(steps), max(steps), low - margin, high + margin, WIDTH - END)
    parts = [axes.frame()]
    said: list[str] = []
    places = _apart([axes.y(points[-1][1]) for _, points in known])
    for (line, points), place in zip(known, places, strict=True):
        shown = points[:: stride(points)]
        style = (line.number - 1) % STYLES
        end = points[-1]
        parts.append(f'<path class="series s{style}" d="{axes.path(shown)}"/>')
        parts.append(
            f'<text class="value" x="{axes.x(end[0]) + 6:.1f}" y="{place + 5:.1f}">{line.number}</text>'
        )
        said.append(f"{line.number}, {line.label}: {points[0][1]:.3f} to {end[1]:.3f}")
    return svg(WIDTH, HEIGHT, f"{title}. {'; '.join(said)}", parts)


def _apart(places: Sequence[float]) -> list[float]:
    """The places, moved down where two numbers would stand on each other."""
    moved, last = dict[int, float](), -math.inf
    for index in sorted(range(len(places)), key=lambda one: places[one]):
        last = moved[index] = max(places[index], last + NUMBER_HEIGHT)
    return [moved[index] for index in range(len(places))]
