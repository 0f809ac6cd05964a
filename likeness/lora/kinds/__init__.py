"""One module a kind of LoRA, found by being here; `KIND` is its class.

A kind is one file: what it needs of torch and peft it imports when it computes. Settings read its facts without either.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likeness.lora.kinds.lora import Lora


@cache
def kinds() -> Mapping[str, type[Lora]]:
    """The class of each word of train.lora.kind."""
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {module.KIND.NAME: module.KIND for module in modules}
