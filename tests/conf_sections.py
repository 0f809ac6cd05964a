"""Sections of conf/ as Hydra composes them."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from likeness.cli.compose import compose
from likeness.strict_yaml import parse_yaml

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
def composition(*overrides: str) -> bytes:
    """The params.yaml that conf/ composes to; a composition takes half a second, and many tests ask for the same one."""
    with TemporaryDirectory() as folder:
        compose(ROOT, Path(folder) / "params.yaml", overrides)
        return (Path(folder) / "params.yaml").read_bytes()


@cache
def _composed(*overrides: str) -> Any:
    return parse_yaml(composition(*overrides).decode())
