"""What DVC notes of a stage's inputs. It looks at them when the stage has ended: what changes while a stage runs is noted as
what it read, and nothing runs for it again."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from likeness.digests import md5_file
from likeness.errors import ConfigError
from likeness.paths import PARAMS
from likeness.setting_problems import as_yaml
from likeness.settings import flatten
from likeness.strict_yaml import read_yaml

GRAPH, IGNORED = Path("dvc.yaml"), Path(".dvcignore")
SHOWN = 5
SMALL_BYTES = 1 << 20


class _State(NamedTuple):
    """A file as it is: a small one, as git lays it out anew, by its content, a large one by when it was written."""

    size_bytes: int
    content: str | int


def inputs(stage: str) -> dict[str, Any]:
    """Of a stage as DVC calls it (`train@jade`): each setting that it depends on with its value, each file with its state."""
    name, _, persona = stage.partition("@")
    text = GRAPH.read_text("utf-8").replace("${key}", persona) if GRAPH.is_file() else ""
    # As DVC reads it, aliases and all.
    graph = cast("dict[str, Any]", yaml.load(text, Loader=yaml.CSafeLoader) or {})
    spec: dict[str, Any] = graph.get("stages", {}).get(name) or {}
    spec = spec.get("do") or spec
    params: list[str | dict[str, Any]] = spec.get("params") or []
    sections = [f"{one}." for one in params if isinstance(one, str)]
    files: list[str] = [
        *(spec.get("deps") or []),
        *(file for one in params if isinstance(one, dict) for file in one),
    ]
    values = flatten(read_yaml(PARAMS, remedy="run `make params`, which composes it from conf/"))
    settings = {key: value for key, value in values.items() if f"{key}.".startswith(tuple(sections))}
    ignored = set(IGNORED.read_text("utf-8").split("\n")) if IGNORED.is_file() else set[str]()
    return settings | {path: _state(path) for file in files for path in _below(file, ignored)}


def require_unchanged(stage: str, before: Mapping[str, Any], *, own: Collection[Path]) -> None:
    """See that the inputs are what they were; `own` are files among them that stages write.

    Raises:
        ConfigError: `inputs-changed`, with the first few of them.
    """
    now, written = inputs(stage), set(map(str, own))
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key) and key not in written]
    if not changed:
        return
    more = [f"{len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
    raise ConfigError(
        f"{stage}: changed while it ran, so that DVC would note the new for what it read: "
        f"{', '.join([*(_told(key, before, now) for key in changed[:SHOWN]), *more])}",
        reason="inputs-changed",
        remedy="`dvc repro` again goes by the new, and takes what is finished and fits; to keep what this run made, "
        "put the old back first",
    )


def _told(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    states = [side.get(key) for side in (before, now)]
    if any(isinstance(one, _State) for one in states):
        return f"{key} ({'new' if key not in before else 'gone' if key not in now else 'written anew'})"
    old, new = (as_yaml(side[key]) if key in side else "not there" for side in (before, now))
    return f"{key} (from {old} to {new})"


def _below(file: str, ignored: Collection[str]) -> Iterator[str]:
    if not os.path.isdir(file):
        yield file
    for folder, folders, names in os.walk(file, followlinks=True):
        folders[:] = [one for one in folders if one not in ignored]
        yield from (os.path.join(folder, one) for one in names)


def _state(path: str) -> _State | None:
    try:
        seen = os.stat(path)
        small = stat.S_ISREG(seen.st_mode) and seen.st_size <= SMALL_BYTES
        return _State(seen.st_size, md5_file(Path(path)) if small else seen.st_mtime_ns)
    except OSError:
        return None
