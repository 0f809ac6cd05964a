"""Which files a raw folder holds, and the ids they keep: the n-th file is s{n} or t{n}, refused or not."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from likeness.errors import ConfigError
from likeness.paths import PersonaPaths
from likeness.safety.consent import Role

# What people put beside photographs; everything else is expected to be one and is accounted for.
PAPERS = ("license", "licence", "readme", "copying", "notice")
PAPER_SUFFIXES = (".yaml", ".yml", ".txt", ".md")


@dataclass(frozen=True, kw_only=True)
class RawPhoto:
    """One file of a raw folder; `number` counts from 1 in the order of names."""

    role: Role
    number: int
    path: Path
    held_out: bool

    @property
    def label(self) -> str:
        """`s3` or `t3`."""
        return f"{self.role[0]}{self.number}"

    @property
    def source(self) -> str | None:
        return self.label if self.role == "source" else None

    @property
    def target(self) -> str | None:
        return self.label if self.role == "target" else None

    @property
    def name(self) -> str:
        return self.path.name


def list_raw(places: PersonaPaths, held_out: Collection[str]) -> list[RawPhoto]:
    """All raw files of a persona, sources first.

    Raises:
        ConfigError: a folder is missing, has no photos or has folders inside; a held-out name is not there.
    """
    sources = _files(places.raw_sources)
    targets = _files(places.raw_targets)
    names = [path.name for path in sources]
    if missing := sorted(set(held_out) - set(names)):
        raise ConfigError(
            f"persona {places.persona}: held_out names {', '.join(missing)}, not in {places.raw_sources}",
            reason="held-out-missing",
            remedy=f"correct personas.{places.persona}.held_out in conf/persona/, or put the photo there",
        )
    return [
        *(
            RawPhoto(role="source", number=n, path=path, held_out=path.name in held_out)
            for n, path in enumerate(sources, start=1)
        ),
        *(
            RawPhoto(role="target", number=n, path=path, held_out=False)
            for n, path in enumerate(targets, start=1)
        ),
    ]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}", reason="no-photos", remedy="make it and put photographs there"
        )
    found = sorted((path for path in folder.iterdir() if _is_photo(path)), key=lambda path: path.name)
    if inner := [path.name for path in found if path.is_dir()]:
        raise ConfigError(
            f"{folder} has folders inside ({', '.join(inner)}), whose photos would be left out",
            reason="nested-folder",
            remedy=f"move the photos into {folder} itself, or the folders elsewhere",
        )
    if not found:
        raise ConfigError(
            f"{folder} has no photos",
            reason="no-photos",
            remedy="put photographs there (JPEG, PNG, HEIC, ...)",
        )
    return found


def _is_photo(path: Path) -> bool:
    name = path.name.lower()
    return not (name.startswith(".") or path.stem.lower() in PAPERS or name.endswith(PAPER_SUFFIXES))
