"""YAML in which no key stands twice: the language would take the last one and say nothing."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from likeness.errors import ConfigError

CONFLICT = "<<<<<<< "  # how Git begins a conflict


class StrictLoader(yaml.CSafeLoader):
    """libyaml's loader (ten times as fast as the one in Python), with equal keys refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping; YAMLError for a key that it has."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {', '.join(twice)} stands twice")
        return super().construct_mapping(node, deep=deep)


class UndatedLoader(StrictLoader):
    """Leaves dates as text: YAML's own reading of 2026-11-31 is an error without a line."""

    yaml_implicit_resolvers: ClassVar = {
        first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in StrictLoader.yaml_implicit_resolvers.items()
    }


def parse_yaml(text: str, *, dates: bool = True) -> Any:
    """What the text says; without `dates` a date stays text.

    Raises:
        yaml.YAMLError: it is not YAML, or a key stands twice.
    """
    return yaml.load(text, Loader=StrictLoader if dates else UndatedLoader)


def read_yaml(path: Path, *, remedy: str) -> Any:
    """What a file of settings says.

    Raises:
        ConfigError: it is not YAML, a key stands twice, or a merge left conflict markers.
    """
    text = path.read_text(encoding="utf-8")
    if any(line.startswith(CONFLICT) for line in text.splitlines()):
        raise ConfigError(f"{path} has the conflict markers of a merge", reason="conflict", remedy=remedy)
    try:
        return parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}", reason="not-yaml", remedy=remedy) from error
