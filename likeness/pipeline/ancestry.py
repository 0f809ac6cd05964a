"""The way of a file back to the photographs, through the parents that each manifest line names by their sha256."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.errors import InputError
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import MANIFEST, Entry, read_manifest
from likeness.pipeline.stage import STAGES

PHOTOGRAPH = "photograph"


def ancestors(sha256: str, parents: Callable[[str], Sequence[str]]) -> Iterator[str]:
    """A digest, then its parents, then theirs; each once."""
    seen, waiting = set[str](), [sha256]
    while waiting:
        digest = waiting.pop(0)
        if digest not in seen:
            seen.add(digest)
            yield digest
            waiting += parents(digest)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One file on the way: the stage that wrote it (or `photograph`), and where it lies."""

    stage: str
    path: Path
    sha256: str
    entry: Entry | None


@dataclass(frozen=True)
class Ancestry:
    """What the manifests of one persona name, by sha256."""

    links: dict[str, Link]

    @staticmethod
    def of(paths: PersonaPaths) -> "Ancestry":
        """Of all manifests that are there.

        Raises:
            InputError: one of them does not read.
        """
        links: dict[str, Link] = {}
        for spec in STAGES:
            folder = spec.folder(paths)
            if folder is None or not (folder / MANIFEST).is_file():
                continue
            for entry in read_manifest(folder).entries:
                one = Link(stage=spec.name, path=folder / entry.file, sha256=entry.sha256, entry=entry)
                links.setdefault(entry.sha256, one)
        folders = paths.raw_sources, paths.raw_targets
        raw = {path.name: path for folder in folders for path in folder.glob("*")}
        for entry in [one.entry for one in links.values() if one.entry and one.stage == "ingest"]:
            if entry.origin in raw and entry.parents:
                sha256 = entry.parents[0]
                photo = Link(stage=PHOTOGRAPH, path=raw[entry.origin], sha256=sha256, entry=None)
                links.setdefault(sha256, photo)
        return Ancestry(links)

    def way(self, sha256: str) -> Iterator[Link | str]:
        """The file of this digest, then its parents, back to the photographs; a parent that no manifest names is told
        by its digest."""
        for digest in ancestors(sha256, self._parents):
            yield self.links.get(digest, digest)

    def _parents(self, sha256: str) -> Sequence[str]:
        link = self.links.get(sha256)
        return link.entry.parents if link is not None and link.entry is not None else ()

    def photographs(self, sha256: str) -> list[str]:
        """The digests of the photographs that a file was made from."""
        first = [link.entry for link in self.way(sha256) if isinstance(link, Link) and link.stage == "ingest"]
        return sorted({entry.parents[0] for entry in first if entry is not None and entry.parents})

    def required(self, sha256: str) -> Link:
        """The link of a digest.

        Raises:
            InputError: `not-in-manifest`.
        """
        if sha256 not in self.links:
            raise InputError(
                f"no manifest names a file of sha256 {sha256}",
                reason="not-in-manifest",
                remedy="run `dvc repro`, which makes it again",
            )
        return self.links[sha256]
