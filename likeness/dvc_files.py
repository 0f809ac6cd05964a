"""Where DVC keeps what a repository's dvc.lock names; read without DVC, whose import takes a second."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import orjson
import platformdirs
import yaml
from configobj import ConfigObj, ConfigObjError  # pyright: ignore[reportMissingTypeStubs]

from likeness.errors import ConfigError

LOCK = "dvc.lock"
DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?")
"""As DVC writes one. It becomes a path in a cache, and a stranger's text in its place would lead anywhere."""


def cache_folder(root: Path = Path()) -> Path:
    """The cache of the repository; a relative folder is relative to the file that names it, as in DVC."""
    file, folder = _of_cache("dir", root) or (root / ".dvc" / "config", "cache")
    return file.parent / Path(str(folder)).expanduser()


def links_outputs() -> bool:
    """Whether DVC moves outputs into its cache and links them, so that they take space once."""
    _, types = _of_cache("type", Path()) or (None, "")
    first = next(iter(types if isinstance(types, list) else types.split(",")), "")
    return first.strip() in ("hardlink", "symlink")


def _of_cache(option: str, root: Path) -> tuple[Path, str | list[str]] | None:
    """An option of DVC's cache, and the file that says it: of the machine, of this user (`dvc config --global`), of the
    repository, of this clone; the last one wins.

    Raises:
        ConfigError: one of them does not read.
    """
    ours = [root / ".dvc" / "config", root / ".dvc" / "config.local"]
    said = None
    for file in (*_of_machine_and_user(), *ours):
        if file.is_file() and (value := _section(file, "cache").get(option)):
            said = file, value
    return said


def _of_machine_and_user() -> Iterator[Path]:
    """As DVC finds them (dvc/dirs.py)."""
    for variable, folder in (
        ("DVC_SYSTEM_CONFIG_DIR", platformdirs.site_config_dir),
        ("DVC_GLOBAL_CONFIG_DIR", platformdirs.user_config_dir),
    ):
        yield Path(os.environ.get(variable) or folder("dvc", "iterative")) / "config"


def _section(file: Path, name: str) -> dict[str, str | list[str]]:
    """A section of a file of DVC's, in whose keys capitals do not count; a list is what commas part."""
    try:
        read: Any = ConfigObj(str(file), encoding="utf-8")
    except (ConfigObjError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} does not read: {' '.join(str(error).split())}",
            reason="dvc-config",
            remedy="correct it: DVC itself stops at it, too",
        ) from error
    found = cast("dict[str, Any]", read.dict())
    sections: list[dict[str, Any]] = [
        values for key, values in found.items() if key.lower() == name and isinstance(values, dict)
    ]
    return {key.lower(): value for values in sections for key, value in values.items()}


def links_to_cache(path: Path) -> bool:
    """Whether a file is a link into the repository's cache, as DVC lays them with `cache.type symlink`. Other links lead
    where nobody looks."""
    if not path.is_symlink():
        return False
    # Not Path's `resolve`, which raises where links lead in a circle.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(cache_folder() / "files"))


def cached(cache: Path, md5: str) -> Path:
    """Where a cache keeps a digest."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def listed(path: Path) -> dict[str, str]:
    """{relative name: md5} of a folder's list in a cache (`....dir`); empty where it is not there or does not read."""
    try:
        return entries(path.read_bytes())
    except OSError:
        return {}


def entries(data: bytes) -> dict[str, str]:
    """As `listed`, of a list's bytes."""
    try:
        return {str(one["relpath"]): one["md5"] for one in orjson.loads(data) if DIGEST.fullmatch(one["md5"])}
    except (ValueError, KeyError, TypeError):
        return {}


def stages_in(path: str, read: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What a dvc.lock has of each stage; a .dvc file is one without a name."""
    stages = cast("dict[str, Any]", read.get("stages") or {}) if path.endswith(LOCK) else {"": read}
    return [
        (name, cast("dict[str, Any]", stage)) for name, stage in stages.items() if isinstance(stage, dict)
    ]


def outs_of(stage: dict[str, Any]) -> list[tuple[str, str]]:
    """Digest and path of each output."""
    named = [(str(out.get("md5")), str(out.get("path", ""))) for out in dicts(stage, "outs")]
    return [(digest, path) for digest, path in named if DIGEST.fullmatch(digest)]


def dicts(stage: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The mappings in a list of a stage."""
    return [cast("dict[str, Any]", one) for one in stage.get(key) or () if isinstance(one, dict)]


def yaml_mapping(text: str) -> dict[str, Any]:
    """What a file of DVC's says, of whatever clone; nothing where it does not read."""
    try:
        found = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
