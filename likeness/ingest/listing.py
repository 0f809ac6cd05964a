"""The contents of a folder of photographs: the photographs, and the files that phones, systems and tools put beside
them.

The only walk over raw folders: ingest, consent bind and plan see the same files.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.dvc_files import links_to_cache
from likeness.errors import ConfigError, FailureKind
from likeness.lazy import Lazy
from likeness.paths import same_name

# What is laid beside photographs, by the end of its name. Everything else is expected to be a photograph.
FILMS = frozenset({
    ".mov", ".mp4", ".m4v", ".avi", ".mkv", ".3gp", ".3g2", ".mts", ".m2ts", ".webm", ".wmv", ".mpg", ".mpeg",
    ".insv", ".lrv", ".thm", ".m4a", ".mp3", ".wav", ".aac", ".amr", ".mp", ".mp~2", ".mp~3", ".hevc", ".opus",
    ".ogg", ".caf", ".wma",
})  # fmt: skip
EDITS = frozenset({
    ".aae", ".xmp", ".pp2", ".pp3", ".dop", ".cos", ".on1", ".vrd", ".nksc", ".arp", ".lrtpreview", ".picasa", ".lrcat",
    ".lrcat-data", ".lrcat-wal", ".lrcat-shm", ".lrprev", ".lrmprev", ".comask", ".ufraw", ".pto",
})  # fmt: skip
PAPERS = frozenset({
    ".txt", ".md", ".rst", ".rtf", ".doc", ".docx", ".odt", ".json", ".jsonl", ".xml", ".csv", ".tsv", ".html",
    ".htm", ".yaml", ".yml", ".toml", ".log", ".url", ".webloc", ".lnk", ".ini", ".db", ".ctg", ".info", ".dvc",
    ".sha256", ".sha1", ".md5", ".sfv", ".nfo", ".gpx", ".srt", ".kmz", ".nmea", ".ics", ".vcf", ".eml",
    ".gdoc", ".gsheet", ".gslides",
    ".sqlite", ".db-wal", ".db-shm", ".db-journal", ".lock", ".ffs_db", ".ffs_lock", ".identifier",
})  # fmt: skip
PAPER_STEMS = frozenset({"license", "licence", "readme", "copying", "notice", "authors", "credits"})
SYSTEM_FILES = frozenset({
    "thumbs.db:encryptable", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "descript.ion",
})  # fmt: skip
SYSTEM_FOLDERS = frozenset({
    "__macosx", "#recycle", "$recycle.bin", "lost+found", "system volume information", "synoresource", "nksc_param", "captureone",
    "recycler",
})  # fmt: skip
# A photo program's own folders, by the ends of their names.
PROGRAM_FOLDERS = frozenset({".lrdata", ".lrlibrary", ".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary",
                             ".cocatalog", ".dtdata"})  # fmt: skip
UNFINISHED = frozenset({
    ".tmp", ".crdownload", ".part", ".partial", ".download", ".opdownload", ".filepart", ".aria2", ".!qb", ".!ut", ".!sync",
})  # fmt: skip
# What a client lays in a file's place that it has not fetched.
PLACEHOLDERS = {".nextcloud": "Nextcloud", ".owncloud": "ownCloud"}


DATA = "data"


@dataclass(frozen=True, kw_only=True)
class Stray:
    """A file or folder that is not read, and why; `name` can be printed."""

    name: str
    kind: FailureKind = "refused"
    reason: str
    detail: str
    remedy: str


def photographs(folder: Path) -> tuple[Sequence[Path], list[Stray]]:
    """The photographs of a folder in the order of names, and a line about everything else in it; nothing of a folder
    that is not there.

    Raises:
        ConfigError: it has folders inside, whose photographs would be left out.
    """
    if not folder.is_dir():
        return [], []
    found: list[str] = []
    strays: list[Stray] = []
    inner: list[str] = []
    seen: dict[str, str] = {}
    for path in (folder / name for name in sorted(os.listdir(folder))):
        if (stray := _undecodable(path.name) or _leaves(path) or _pipe(path) or _beside(path)) is not None:
            strays.append(stray)
        elif path.is_dir():
            inner.append(path.name)
        elif (other := seen.setdefault(same_name(path.name), path.name)) != path.name:
            strays.append(_twin(path.name, other))
        else:
            found.append(path.name)
    if inner:
        raise ConfigError(
            f"{folder} has folders inside ({', '.join(inner)}), whose photos would be left out",
            reason="nested-folder",
            remedy=f"move the photos into {folder} itself, or the folders elsewhere",
        )
    return Lazy(len(found), lambda number: folder / found[number]), strays


def is_misplaced(path: Path, own: Collection[str]) -> bool:
    """Whether something beside the folders of photographs, called by `own`, may be photographs that nothing reads."""
    return path.name not in own and (_undecodable(path.name) or _beside(path)) is None


def misplaced(path: Path) -> Stray:
    """The line of what lies beside the folders of photographs."""
    return Stray(
        name=path.name,
        reason="misplaced",
        detail=f"it lies in {path.parent} itself, where nothing is read",
        remedy="move it into sources/ (the persona) or targets/ (other people), or elsewhere",
    )


def printable(name: str) -> str:
    """A file name in which bytes that are no UTF-8 are written out; any other is as it is."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _undecodable(name: str) -> Stray | None:
    if (shown := printable(name)) == name:
        return None
    return Stray(
        name=shown,
        reason="undecodable-name",
        detail="the name is not UTF-8, so no record can hold it",
        remedy="rename the file with letters of UTF-8 (an old disk or archive wrote it in another encoding)",
    )


def _leaves(path: Path) -> Stray | None:
    """A link to a place outside the folder data/ that it lies in (outside its own folder, where that is in no data/); one that DVC
    laid into its cache (`dvc add` with `cache.type symlink`) is the photograph."""
    if not path.is_symlink():
        return None
    folder = path.parent.absolute()
    data = next((one for one in (folder, *folder.parents) if one.name == DATA), folder)
    if not path.exists() or path.resolve().is_relative_to(data.resolve()) or links_to_cache(path):
        return None
    return Stray(
        name=path.name,
        reason="link-outside",
        detail=f"it is a link that leaves {data.name}/",
        remedy="copy the photograph itself there: what lies elsewhere has no record, and may change",
    )


def is_endless(path: Path) -> bool:
    """Whether it is a pipe, a socket or a device: whoever reads one may wait for ever."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _pipe(path: Path) -> Stray | None:
    if not is_endless(path):
        return None
    return Stray(
        name=path.name,
        reason="not-a-file",
        detail="it is a pipe, a socket or a device, and no file",
        remedy="delete it",
    )


def _twin(name: str, other: str) -> Stray:
    return Stray(
        name=name,
        reason="same-name",
        detail=f"the name reads the same as {other!a} (this one is {name!a})",
        remedy="rename one of the two: records name photographs as people read them",
    )


def _beside(path: Path) -> Stray | None:
    name, suffix = path.name.lower(), path.suffix.lower()
    cloud = "iCloud" if suffix == ".icloud" and name.startswith(".") else PLACEHOLDERS.get(suffix)
    if cloud:
        where = "the Finder or the Photos program" if cloud == "iCloud" else f"{cloud}'s program"
        return Stray(
            name=path.name,
            kind="failed",
            reason="not-downloaded",
            detail=f"{cloud} has the photograph, this disk only a mark",
            remedy=f"download it in {where}",
        )
    if suffix in UNFINISHED:
        return Stray(
            name=path.name,
            kind="failed",
            reason="not-downloaded",
            detail="a download that did not end",
            remedy="download the photograph again",
        )
    what = _folder_beside(path, name) if path.is_dir() else _file_beside(name, path.stem.lower(), suffix)
    if what is None:
        return None
    return Stray(
        name=path.name,
        kind="skipped",
        reason="not-a-photograph",
        detail=what,
        remedy="nothing need be done; it is listed so that nothing is left out without a line",
    )


def _folder_beside(path: Path, name: str) -> str | None:
    if not (name in SYSTEM_FOLDERS or name.startswith((".", "@")) or path.suffix.lower() in PROGRAM_FOLDERS):
        return None
    return f"a folder of a system or a tool, with {sum(1 for _ in path.iterdir())} files or folders in it"


def _file_beside(name: str, stem: str, suffix: str) -> str | None:
    if name.startswith("._"):
        return "a Mac's notes about another file"
    if name.startswith(("~$", ".")) or name.endswith(("~", "@synoeastream", "@synoresource")):
        return "a hidden file of a system or a tool"
    if name in SYSTEM_FILES:
        return "a file of the system"
    if suffix.endswith("_original"):
        return "a copy that exiftool kept of a file it changed"
    if suffix in FILMS:
        return "a film or a recording, such as the moving part of a Live Photo"
    if suffix in EDITS:
        return "a photo program's notes about a photograph"
    if suffix in PAPERS or (stem in PAPER_STEMS and suffix in ("", ".pdf")):
        return "text or data, no photograph"
    return None
