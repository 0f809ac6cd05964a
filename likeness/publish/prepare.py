"""All copies of one publication, and the proof that none leaves without its marks."""

import base64
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from likeness.config import Config
from likeness.digests import sha256_bytes, sha256_file
from likeness.lora.signature import read_statement, unsigned
from likeness.marks import claims
from likeness.marks.keys import SigningKey, signing_key
from likeness.marks.pdq import fingerprints
from likeness.marks.pictures import check_marks
from likeness.marks.registry import FIRST, Copy, Publication, add_copies, publication_of, read_registry
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.pipeline.ancestry import Ancestry
from likeness.publish.choose import Chosen
from likeness.publish.copies import PAGE_PICTURE, PICTURES, Workshop, in_threads, read_index, read_marks
from likeness.safety.consent import Consent

REGISTRY = "marks.jsonl"
"""Beside a publication: the lines of its registry, so that a detector knows the mark."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The marked copies, {name in the bucket: path}, the sha256 of what each was made from, and under which mark and key."""

    files: dict[str, Path]
    of: dict[str, str]
    publication: Publication
    key: SigningKey
    without_pixel_mark: tuple[str, ...] = ()


def prepare(cfg: Config, record: Consent, chosen: Chosen, repository: RepositoryPaths) -> Prepared:
    """Make the marked copies of all that was chosen, and write down in the registry what their mark stands for.

    Raises:
        ConfigError: the signing key cannot be used; nothing was made.
        InputError: a picture cannot be marked, or does not carry its marks when it is read back.
    """
    key = signing_key(cfg.marks, repository.keys)
    digest = sha256_file(repository.consent / f"{record.persona}.yaml")
    registry = repository.registry(record.persona)
    publication = publication_of(registry, key, record.persona, record.id, digest)
    folder = repository.publication(record.persona)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    statement = {"consent": record.id, "consent_sha256": digest, "persona": record.persona}
    workshop = Workshop(
        folder=folder,
        publication=publication,
        key=key,
        label=cfg.marks.label,
        statement=statement,
        synthetic=record.kind == "synthetic",
        ancestry=Ancestry.of(PersonaPaths(record.persona)),
        index=read_index(folder),
        renamed={
            path.name: name
            for name, path in chosen.files.items()
            if path.suffix == ".safetensors" and path.name != name
        },
    )
    copies = in_threads(lambda one: workshop.copy(*one), chosen.files.items())
    prepared = Prepared(
        files={name: path for name, (path, _) in zip(chosen.files, copies, strict=True)},
        of={name: of for name, (_, of) in zip(chosen.files, copies, strict=True)},
        publication=publication,
        key=key,
    )
    add_copies(registry, key, check(prepared, read_registry(registry).copies))
    known = read_registry(registry).copies
    bare = [
        name
        for name, path in prepared.files.items()
        if path.suffix in PICTURES and not known[sha256_file(path)].pdq
    ]
    return replace(prepared, files={**prepared.files, REGISTRY: registry}, without_pixel_mark=tuple(bare))


def check(prepared: Prepared, known: Mapping[str, Copy]) -> list[Copy]:
    """The registry's lines of what leaves for the first time. All of it is refused where one file would leave without its marks.

    Args:
        known: the registry's copies by sha256. Such a line is signed, and was written after this check.

    Raises:
        InputError: `unmarked`.
    """
    door = _Door(prepared, known)
    lines = in_threads(lambda one: door.lines(*one), prepared.files.items())
    return [line for several in lines for line in several]


@dataclass(frozen=True)
class _Door:
    prepared: Prepared
    known: Mapping[str, Copy]

    def lines(self, name: str, path: Path) -> list[Copy]:
        """The lines of one file: its own, and one for each picture in an archive, which may have more bytes than memory holds."""
        of, digest = self.prepared.of[name], sha256_file(path)
        line = self.known.get(digest)
        if line is not None and line.mark == self.prepared.publication.mark:
            return []
        if path.suffix in PICTURES:
            return [self._picture(name, path.read_bytes(), of)]
        inside: list[Copy] = []
        if path.suffix == ".safetensors":
            said = read_statement(path)
            if said is None or said.problems or said.key != self.prepared.key.name:
                raise unsigned(path)
        elif path.suffix == ".zip":
            inside = self._archive(name, path)
        elif path.suffix == ".html":
            shown = enumerate(PAGE_PICTURE.findall(path.read_bytes()), start=1)
            in_threads(
                lambda one: self._marked(f"picture {one[0]} of {name}", base64.b64decode(one[1])), shown
            )
        return [self._line(name, digest, of, ()), *inside]

    def _archive(self, name: str, path: Path) -> list[Copy]:
        with path.open("rb") as file:
            found = claims.read(file, claims.ZIP)
        if found is None or not found.valid or claims.serial_of(self.prepared.key) not in found.signer:
            raise unsigned(path)
        with zipfile.ZipFile(path) as archive:
            said = read_marks(archive)
            pictures = [one for one in archive.namelist() if Path(one).suffix in PICTURES]
            return in_threads(
                lambda one: self._picture(f"{name}/{one}", archive.read(one), said[one]["of"]), pictures
            )

    def _picture(self, name: str, data: bytes, of: str) -> Copy:
        return self._line(name, sha256_bytes(data), of, self._marked(name, data))

    def _marked(self, name: str, data: bytes) -> Iterable[str]:
        """The hashes of a picture that carries all its marks; none where no mark is in its pixels: they alone prove nothing."""
        rgb = check_marks(data, name, mark=self.prepared.publication.mark, key=self.prepared.key)
        return () if rgb is None else fingerprints(rgb)

    def _line(self, name: str, digest: str, of: str, hashes: Iterable[str]) -> Copy:
        return Copy(
            mark=self.prepared.publication.mark,
            previous=FIRST,
            key=self.prepared.key.public.hex(),
            name=name,
            sha256=digest,
            of=of,
            pdq=tuple(hashes),
        )
