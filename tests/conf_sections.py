"""Sections of conf/ as Hydra composes them."""

import os
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel

from likeness.strict_yaml import parse_yaml

ROOT = Path(__file__).parents[1]
# Where a group's section lies when it is not called as the group is.
PLACES = {"persona": ("personas", "jade")}
SHARED = "LIKENESS_TEST_COMPOSITIONS"


def share_compositions() -> Path:
    """The folder in which this process, and those that it starts, keep what they composed."""
    if SHARED not in os.environ:
        os.environ[SHARED] = mkdtemp(prefix="likeness-compositions-")
    return Path(os.environ[SHARED])


def section(file: str, *overrides: str) -> dict[str, Any]:
    """The section of `train/full.yaml`, its group's name first."""
    group, choice = Path(file).parent.name, Path(file).stem
    own = () if group in PLACES else (f"{group}={choice}",)
    if not overrides and own and own[0] in _defaults():
        own = ()  # the composition that is there anyway
    values: Any = _composed(*own, *overrides)
    for name in PLACES.get(group, (group,)):
        values = values[name]
    return deepcopy(values)


@cache
def composition(*overrides: str) -> bytes:
    """The params.yaml that conf/ composes to; a composition takes half a second, and many tests ask for the same one."""
    shared = share_compositions() / sha256(repr((str(ROOT), overrides)).encode()).hexdigest()
    if not shared.is_file():
        from likeness.cli.compose import compose  # here: it loads DVC and Hydra

        with TemporaryDirectory(dir=shared.parent) as folder:
            compose(ROOT, Path(folder) / "params.yaml", overrides)
            (Path(folder) / "params.yaml").replace(shared)
    return shared.read_bytes()


@cache
def _composed(*overrides: str) -> Any:
    return parse_yaml(composition(*overrides).decode())


@cache
def _defaults() -> frozenset[str]:
    """The choices of conf/config.yaml: to ask for one of them is to ask for nothing."""
    entries = yaml.safe_load((ROOT / "conf" / "config.yaml").read_text())["defaults"]
    pairs = [pair for entry in entries if isinstance(entry, dict) for pair in entry.items()]
    return frozenset(f"{group}={choice}" for group, choice in pairs)


Settings = TypeVar("Settings", bound=BaseModel)


def settings(kind: type[Settings], file: str, **changes: object) -> Settings:
    """A section as conf/ has it, with some values changed."""
    return kind.model_validate(section(file) | changes)


def providers(enhance: str = "lanczos") -> dict[str, object]:
    """The sections of who does the work, and the price list."""
    # Here: every test's process loads this module.
    from likeness.caption import CaptionConfig
    from likeness.enhance import EnhanceConfig
    from likeness.purchases.prices import Price
    from likeness.swap import SwapConfig

    prices = yaml.safe_load((ROOT / "conf" / "prices.yaml").read_text())
    return {
        "swap": settings(SwapConfig, "swap/local.yaml"),
        "enhance": settings(EnhanceConfig, f"enhance/{enhance}.yaml"),
        "caption": settings(CaptionConfig, "caption/attributes.yaml"),
        "prices": {
            name: {what: Price(**one) for what, one in listed.items()} for name, listed in prices.items()
        },
    }
