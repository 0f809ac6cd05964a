"""What all models of settings have in common."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of params.yaml: frozen, no unknown keys; defaults are in conf/ only."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def dotted(values: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every value and of every mapping below `values`, in their order."""
    if isinstance(values, Mapping):
        for name, inner in cast("Mapping[Any, Any]", values).items():
            key = f"{place}.{name}" if place else str(name)
            yield key, inner
            yield from dotted(inner, key)


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as dotted names; an empty mapping has none."""
    return {key: value for key, value in dotted(values) if not isinstance(value, Mapping)}
