"""YAML of plain values: no key twice (the language takes the last one in silence), no aliases, no tags, no great depth, no
great size. A file that says more than it shows is refused before anything is made of it."""

import os
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
TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
SAVE_AS = "save it as UTF-8 in your editor"


class StrictLoader(yaml.CSafeLoader):
    """libyaml's loader (ten times as fast as the one in Python). It makes plain values of what libyaml reads, one after the other,
    and keeps no tree of the text, which takes kilobytes a line."""

    def get_single_data(self) -> Any:
        """What the text says; None where it says nothing."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._value(self._next(), 1)
        self._next()
        if not isinstance(end := self._next(), yaml.StreamEndEvent):
            raise yaml.YAMLError(f"{_line(end)}: a second document; one is read")
        return value

    def _next(self) -> yaml.Event:
        return cast("Any", self).get_event()

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent) or cast("Any", event).anchor:
            raise yaml.YAMLError(f"{_line(event)}: an anchor or alias; write the value where it is meant")
        if tag := cast("Any", event).tag:
            raise yaml.YAMLError(f"{_line(event)}: the tag {tag}; only plain values are read")
        if isinstance(event, yaml.ScalarEvent):
            return self._plain(event)
        if depth > MAX_DEPTH:
            raise yaml.YAMLError(f"{_line(event)}: nested deeper than {MAX_DEPTH}")
        return self._mapping(depth) if isinstance(event, yaml.MappingStartEvent) else self._list(depth)

    def _plain(self, event: yaml.ScalarEvent) -> Any:
        """A text, number, date, truth or null."""
        loader = cast("Any", self)
        tag: str = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag == TEXT:
            return event.value
        if tag == MERGE:
            raise yaml.YAMLError(f"{_line(event)}: << merges; write the keys")
        make = loader.yaml_constructors.get(tag, loader.yaml_constructors[None])
        try:
            return make(
                self, cast("Any", yaml.ScalarNode)(tag, event.value, event.start_mark, event.end_mark)
            )
        except ValueError as error:  # 2026-11-31
            raise yaml.YAMLError(f"{_line(event)}: {event.value}: {error}") from error

    def _list(self, depth: int) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[Hashable, Any]:
        mapping: dict[Hashable, Any] = {}
        words = set[str]()
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                raise yaml.YAMLError(f"{_line(event)}: a key is a list or a mapping; only words are keys")
            key, word = self._value(event, depth), cast("yaml.ScalarEvent", event).value
            if word in words:
                raise yaml.YAMLError(f"{_line(event)}: {word} stands twice")
            if key in mapping:  # 1 and 0x1, a and "a"
                raise yaml.YAMLError(f"{_line(event)}: two keys are one value")
            words.add(word)
            mapping[key] = self._value(self._next(), depth + 1)
        return mapping


def _line(event: yaml.Event) -> str:
    return f"line {cast('Any', event).start_mark.line + 1}"


class UndatedLoader(StrictLoader):
    """Leaves dates as text, which a record's own type reads."""

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
