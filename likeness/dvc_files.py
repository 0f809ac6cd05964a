"""Where DVC keeps what a repository's dvc.lock names; read without DVC, whose import takes a second."""

import configparser
from pathlib import Path

import orjson

LOCK = "dvc.lock"


def cache_folder(root: Path = Path()) -> Path:
    """The cache of the repository; the later file wins and a relative folder is relative to the file that names it, as
    in DVC."""
    cache = root / ".dvc" / "cache"
    for file in (root / ".dvc" / "config", root / ".dvc" / "config.local"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(file)
        if folder := parser.get("cache", "dir", fallback=None):
            cache = file.parent / folder
    return cache


def links_to_cache(path: Path) -> bool:
    """Whether a file is a link into the repository's cache, as DVC lays them with `cache.type symlink`. Other links lead
    where nobody looks."""
    return path.is_symlink() and path.resolve().is_relative_to((cache_folder() / "files").resolve())


def cached(cache: Path, md5: str) -> Path:
    """Where a cache keeps a digest."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def listed(path: Path) -> dict[str, str]:
    """{relative name: md5} of a folder's list in a cache (`....dir`); empty where it is not there or does not read."""
    try:
        return {str(one["relpath"]): str(one["md5"]) for one in orjson.loads(path.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
