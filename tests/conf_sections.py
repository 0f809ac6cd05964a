"""Sections of conf/ as Hydra composes them."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from likeness.cli.compose import composed

ROOT = Path(__file__).parents[1]
# Where a group's section lies when it is not called as the group is.
PLACES = {"persona": ("personas", "jade")}


def section(file: str, *overrides: str) -> dict[str, Any]:
    """The section of `train/full.yaml`, its group's name first."""
    group, choice = Path(file).parent.name, Path(file).stem
    own = () if group in PLACES else (f"{group}={choice}",)
    values: Any = _composed(*own, *overrides)
    for name in PLACES.get(group, (group,)):
        values = values[name]
    return deepcopy(values)


@cache
def _composed(*overrides: str) -> dict[str, Any]:
    return composed(ROOT, *overrides)
