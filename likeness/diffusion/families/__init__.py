"""One module a family of bases, found by being here; `BASES` are its classes, one an architecture.

A family is one file: what it needs of torch and diffusers it imports when it computes. Settings, reports and `likeness
inspect` read its facts without either.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likeness.diffusion.bases import Base


@cache
def bases() -> Mapping[str, type[Base]]:
    """The class of each architecture."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {base.ARCHITECTURE: base for module in modules for base in module.BASES}


def titles(*, reference: bool = False) -> str:
    """What people call the bases: all of them, or those that can draw after a reference picture."""
    return ", ".join(sorted(base.TITLE for base in bases().values() if base.REFERENCE or not reference))
