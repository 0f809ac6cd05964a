"""The figures of the report, found by being here: each module's METRICS, modules in the order of their names.

docs/adding-a-metric.md is the way to write one.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from likeness.report.collect import Collected

Place = Literal["dataset", "training", "samples", "likeness"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure of the report: `words` say what it is, `read` gives it as text from what the stages left, or None where it
    is not known and not shown; `place` is the part of the page; `note` stands behind the words."""

    words: str
    place: Place
    read: Callable[[Collected], str | None]
    note: Callable[[Collected], str] = lambda _: ""


def metrics() -> list[Metric]:
    """All of them."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return [metric for module in modules for metric in module.METRICS]


def figures(got: Collected, place: Place) -> list[tuple[str, str]]:
    """(what it is, its value) of each metric that is known."""
    found = ((metric, metric.read(got)) for metric in metrics() if metric.place == place)
    return [(metric.words + metric.note(got), value) for metric, value in found if value is not None]
