"""YAML of plain values: no key twice (the language takes the last one in silence), no aliases, no tags, no great depth, no
great size. A file that says more than it shows is refused before anything is made of it."""

import os
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from likeness.disk import leads_nowhere
from likeness.errors import ConfigError
from likeness.git import CONFLICT
from likeness.setting_problems import names_in, setting_problems

_T = TypeVar("_T")

MAX_BYTES = 8_000_000  # dvc.lock of 10,000 files has 2 MB
MAX_DEPTH = 32
TEXT = "tag:yaml.org,2002:str"
SAVE_AS = "save it as UTF-8 in your editor"
# Only what has one of these can hold an alias or a tag, or nest without indenting.
NEEDS_A_LOOK = re.compile(r"[&*!]|[\[{].*[\[{]|[-?:] +[-?] |^ {40}", re.MULTILINE)


class StrictLoader(yaml.CSafeLoader):
    """libyaml's loader (ten times as fast as the one in Python), with equal keys refused. It makes no more of a text than plain
    values, and so without PyYAML's ways for aliases and tags, which take most of its time."""

    def get_single_data(self) -> Any:
        """What the text says; None where it says nothing."""
        node = self.get_single_node()
        return None if node is None else self._value(node)

    def _value(self, node: yaml.Node) -> Any:
        if node.tag == TEXT:
            return node.value
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return list(map(self._value, node.value))
        return cast("Any", self).construct_object(node)

    def _mapping(self, node: yaml.MappingNode) -> dict[Hashable, Any]:
        line = f"line {node.start_mark.line + 1}"
        if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
            raise yaml.YAMLError(f"{line}: a key is a list or a mapping; only words are keys")
        keys = [key.value for key, _ in node.value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}) if len({*keys}) < len(keys) else []:
            raise yaml.YAMLError(f"{line}: {', '.join(twice)} stands twice")
        if "<<" in keys:
            raise yaml.YAMLError(f"{line}: << merges; write the keys")
        mapping = {self._value(key): self._value(value) for key, value in node.value}
        if len(mapping) < len(keys):  # 1 and 0x1, a and "a"
            raise yaml.YAMLError(f"{line}: two keys are one value")
        return mapping


class UndatedLoader(StrictLoader):
    """Leaves dates as text: YAML's own reading of 2026-11-31 is an error without a line."""

    yaml_implicit_resolvers: ClassVar = {  # pyright: ignore[reportIncompatibleVariableOverride]
        first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in StrictLoader.yaml_implicit_resolvers.items()
    }


def parse_yaml(text: str, *, dates: bool = True) -> Any:
    """What the text says; without `dates` a date stays text.

    Raises:
        yaml.YAMLError: it is not YAML, a key stands twice, it is more than plain values, or a merge left conflict markers.
    """
    if len(text) > MAX_BYTES:
        raise yaml.YAMLError(f"larger than {MAX_BYTES} bytes")
    if marker := CONFLICT.search(text):
        raise yaml.YAMLError(
            f"line {text.count(chr(10), 0, marker.start()) + 1}: the conflict markers of a merge"
        )
    try:
        if NEEDS_A_LOOK.search(text):
            _refuse_more_than_values(text)
        return yaml.load(text, Loader=StrictLoader if dates else UndatedLoader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.line if error.problem_mark else 0
        if any(line.lstrip(" ").startswith("\t") for line in text.splitlines()[at : at + 1]):
            raise yaml.YAMLError(f"line {at + 1}: it begins with a tab; YAML takes spaces") from error
        raise


def why_unread(error: Exception) -> str:
    """What a text that does not read is not, and where, in plain words."""
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
    return "is not YAML: " + " ".join(str(error).replace('in "<unicode string>", ', "").split())


def _refuse_more_than_values(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = f"line {cast('Any', event).start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.YAMLError(f"{line}: an anchor or alias; write the value where it is meant")
        if tag := getattr(event, "tag", None):
            raise yaml.YAMLError(f"{line}: the tag {tag}; only plain values are read")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(f"{line}: nested deeper than {MAX_DEPTH}")


def read_yaml(path: Path, *, remedy: str, parse: Callable[[str], Any] = parse_yaml) -> Any:
    """What a file of settings says, as `parse` reads its text.

    Raises:
        ConfigError: it is not YAML, a key stands twice, it is more than plain values, or a merge left conflict markers.
    """
    if leads_nowhere(path):
        raise ConfigError(
            f"{path} is a link to {path.readlink()}, where nothing is", reason="not-yaml", remedy=remedy
        )
    if not path.is_file() or path.stat().st_size > MAX_BYTES:  # a pipe or a device would never end
        raise ConfigError(
            f"{path} is not a file of at most {MAX_BYTES} bytes", reason="not-yaml", remedy=remedy
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} {why_unread(error)}", reason="not-yaml", remedy=SAVE_AS) from error
    if CONFLICT.search(text):
        raise ConfigError(f"{path} has the conflict markers of a merge", reason="conflict", remedy=remedy)
    try:
        return parse(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} {why_unread(error)}", reason="not-yaml", remedy=remedy) from error


def read_checked(path: Path, kind: type[_T], *, reason: str, remedy: str) -> _T:
    """What a person's file says, as a `kind`; an empty one where there is no file, nor a link to none.

    Raises:
        ConfigError: as `read_yaml`; with `reason`: it does not fit, every problem with its place.
    """
    try:
        return TypeAdapter(kind).validate_python(
            (read_yaml(path, remedy=remedy) if os.path.lexists(path) else None) or {}
        )
    except ValidationError as error:
        problems = "; ".join(setting_problems(error, names_in(kind)))
        raise ConfigError(f"{path}: {problems}", reason=reason, remedy=remedy) from error
