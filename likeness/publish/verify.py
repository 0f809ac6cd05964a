# pyright: basic
# (dvc.lock, archives and a stranger's JSON are not typed)
"""Whether an artefact is what it was: its marks, its signature, and its way back to the photographs and the consent.

What is published is checked by its signatures, what the graph wrote by its manifests and by dvc.lock. Nothing is believed
that the artefact says of itself where something else can be asked.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from likeness.dvc_files import LOCK, cache_folder, cached, listed
from likeness.errors import ConsentError, InputError
from likeness.key_files import verified
from likeness.lora.safetensors_io import read_header
from likeness.lora.signature import read_statement
from likeness.marks import claims
from likeness.marks.detect import open_rgb, pixel_mark
from likeness.marks.pictures import WHY_NOT, mime_of
from likeness.marks.registry import Registry, read_registries, read_registry
from likeness.marks.xmp import find_code
from likeness.paths import PersonaPaths, RepositoryPaths, weights_persona
from likeness.pipeline.ancestry import PHOTOGRAPH, Ancestry
from likeness.publish.copies import MARKS, PAGE_PICTURE
from likeness.publish.prepare import REGISTRY
from likeness.publish.send import MANIFEST, Published
from likeness.safety.consent import load_consent
from likeness.store.items import sha256_bytes, sha256_file

State = Literal["holds", "changed", "missing", "unknown"]
PICTURES = (".jpg", ".jpeg", ".png")
KNOWN = (*PICTURES, ".zip", ".safetensors", ".html")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `unknown` is what cannot be told from here, and no fault."""

    what: str
    state: State
    why: str


def verify(path: Path, repository: RepositoryPaths) -> list[Check]:
    """Everything that can be checked of a picture, archive, weights, report, folder or publication.

    Raises:
        InputError: `missing-file`.
    """
    if not path.exists():
        raise InputError(
            f"{path} is not there", reason="missing-file", remedy="give the path of a file or folder"
        )
    if path.is_dir() and (path / MANIFEST).is_file():
        return list(_publication(path, repository))
    if path.is_dir():
        return list(_folder(path, repository))
    beside = path.parent / REGISTRY
    registry = read_registry(beside) if beside.is_file() else read_registries(repository.marks)
    return list(Verifier(repository, registry).file(path, str(path)))


def _publication(folder: Path, repository: RepositoryPaths) -> Iterator[Check]:
    """A publication: its signed manifest, every file that it names and no other, and each artefact."""
    name = str(folder / MANIFEST)
    try:
        said = Published.model_validate_json((folder / MANIFEST).read_bytes())
        key, signature = bytes.fromhex(said.key), bytes.fromhex(said.signature)
    except (ValidationError, ValueError, RecursionError):
        yield Check(name, "changed", "it is not a manifest of likeness")
        return
    holds = verified(key, signature, said.signed_bytes())
    yield Check(name, "holds" if holds else "changed", f"signature of key {sha256_bytes(key)[:16]}")
    try:
        registry = read_registry(folder / REGISTRY)
    except InputError as error:
        yield Check(str(folder / REGISTRY), "changed", error.message)
        registry = Registry()
    owner = registry.publications.get(said.mark)
    if owner is None:
        yield Check(str(folder / REGISTRY), "missing", f"no line for the mark {said.mark}")
    else:
        own = (owner.key, owner.persona, owner.consent) == (said.key, said.persona, said.consent)
        yield Check(f"mark {said.mark}", "holds" if own else "changed", "it stands for this publication")
    named = {one.file: one for one in said.files}
    verifier = Verifier(repository, registry, key=said.key)
    for file, one in named.items():
        path = folder / file
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            yield Check(file, "missing", "the manifest names it")
        elif sha256_file(path) != one.sha256:
            yield Check(file, "changed", "its sha256 is not the manifest's")
        else:
            yield Check(file, "holds", "its sha256 is the manifest's")
            if path.suffix in KNOWN:
                yield from verifier.file(path, file)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for file in sorted(there - {*named, MANIFEST}):
        removed = file in {one.file for one in said.removed}
        why = "an earlier publication named it" if removed else "the manifest does not name it"
        yield Check(file, "unknown" if removed else "changed", why)


def _folder(folder: Path, repository: RepositoryPaths) -> Iterator[Check]:
    verifier = Verifier(repository, read_registries(repository.marks))
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = [check for path in files if path.suffix in KNOWN for check in verifier.file(path, str(path))]
    if not found:
        yield Check(str(folder), "unknown", "it holds no picture, archive, weights or report")
    yield from found
    yield from (
        check for path in files if path.suffix not in KNOWN for check in verifier.locked(path, str(path))
    )


@dataclass(frozen=True)
class Verifier:
    """Checks single files. `key` is the one that must have signed, in hex; None takes the registry's word."""

    repository: RepositoryPaths
    registry: Registry
    key: str | None = None

    def file(self, path: Path, name: str) -> Iterator[Check]:
        """Every check of one file."""
        if path.suffix.lower() in PICTURES:
            yield from self.picture(path.read_bytes(), name, path)
        elif path.suffix == ".zip":
            yield from self._archive(path, name)
        elif path.suffix == ".safetensors":
            yield from self._weights(path, name)
        elif path.suffix == ".html":
            yield from self._page(path, name)
        else:
            yield Check(name, "unknown", "it is no picture, archive, weights, report or publication")

    def picture(self, data: bytes, name: str, path: Path | None = None) -> Iterator[Check]:
        """A picture: published ones by their marks, the graph's own by their manifest."""
        mime, digest = mime_of(data), sha256_bytes(data)
        found = claims.read(data, mime) if mime else None
        if found is None:
            known = list(self._way(digest, name))
            if not known and path is not None:
                known = list(self.locked(path, name))
            yield from known or [Check(name, "missing", "no C2PA statement, and no manifest names it")]
            return
        if not found.valid:
            yield Check(name, "changed", f"C2PA: {', '.join(found.problems)}")
            return
        yield Check(name, "holds", f"C2PA, signed by {found.signer}")
        code = find_code(data)
        if code is None or code.uri != found.source_type:
            yield Check(name, "changed", "XMP and C2PA name different source types")
        yield from self._pixels(data, name, found)
        if path is not None:
            mark = str(found.publication.get("mark", ""))
            yield self._registered(digest, mark, name)
        yield from self._source(str(found.publication.get("of", "")), name)

    def _registered(self, digest: str, mark: str, name: str) -> Check:
        """Whether the registry names these very bytes: C2PA leaves padding unsigned, and a stranger can sign, too."""
        line = self.registry.copies.get(digest)
        if line is not None and line.mark == mark:
            return Check(name, "holds", f"the registry names it under the mark {mark}")
        if mark in self.registry.publications:
            why = f"the registry of the mark {mark} does not name these bytes: they were changed, or another key signed them"
            return Check(name, "changed", why)
        return Check(
            name, "unknown", f"no registry here knows the mark {mark}: whose key signed it cannot be told"
        )

    def locked(self, path: Path, name: str) -> Iterator[Check]:
        """A file that the graph wrote, against what dvc.lock says of it."""
        wanted = self._lock.get(path.absolute())
        if wanted is not None:
            same = _md5(path) == wanted
            yield Check(
                name,
                "holds" if same else "changed",
                "it is what dvc.lock names" if same else "dvc.lock names other bytes",
            )

    def _pixels(self, data: bytes, name: str, found: claims.Found) -> Iterator[Check]:
        try:
            rgb = open_rgb(data)
        except InputError as error:
            yield Check(name, "changed", error.message)
            return
        if found.mark is None:
            why = found.publication.get("no_mark_in_pixels")
            yield Check(
                name,
                "unknown" if why in WHY_NOT else "missing",
                f"no mark in its pixels: {why or 'nothing says why'}",
            )
            return
        seen = pixel_mark(rgb, Registry(), found.mark)
        if seen is None or found.mark != found.publication.get("mark"):
            yield Check(name, "changed", "the pixels do not carry the mark that C2PA names")
        else:
            yield Check(name, "holds", f"its pixels carry the mark {seen.mark} ({seen.bits} of 32 bits)")

    def _archive(self, path: Path, name: str) -> Iterator[Check]:
        try:
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
                names = archive.namelist()
                texts = {one: archive.read(one) for one in names if one.endswith(("metadata.jsonl", MARKS))}
        except (
            zipfile.BadZipFile,
            OSError,
            ValueError,
            NotImplementedError,
            EOFError,
            RuntimeError,
        ) as error:
            yield Check(name, "changed", f"it is no whole archive: {error}")
            return
        if broken is not None:
            yield Check(f"{name}/{broken}", "changed", "its checksum in the archive does not hold")
            return
        found = claims.read(path.read_bytes(), claims.ZIP)
        images = _training_set(texts.get("train/metadata.jsonl", b""))
        if found is None:
            yield from list(self.locked(path, name)) or [
                Check(name, "missing", "no C2PA statement, and dvc.lock does not name it")
            ]
        else:
            why = f"C2PA, signed by {found.signer}" if found.valid else f"C2PA: {', '.join(found.problems)}"
            yield Check(name, "holds" if found.valid else "changed", why)
            yield self._registered(sha256_file(path), str(found.publication.get("mark", "")), name)
        try:
            marked = json.loads(texts[MARKS])["pictures"] if MARKS in texts else {}
            wanted = {one: str(said["sha256"]) for one, said in marked.items()} or images
            of = {one: str(said["of"]) for one, said in marked.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield Check(f"{name}/{MARKS}", "changed", "it does not read")
            return
        with zipfile.ZipFile(path) as archive:
            for one in names:
                if Path(one).suffix in PICTURES:
                    data = archive.read(one)
                    if wanted.get(one) != sha256_bytes(data):
                        yield Check(
                            f"{name}/{one}", "changed", "it is not the picture that the archive's list names"
                        )
                    elif of and of[one] != images.get(one):
                        yield Check(f"{name}/{one}", "changed", "metadata.jsonl names another training image")
                    else:
                        yield from self.picture(data, f"{name}/{one}")
        for one in sorted(wanted.keys() - set(names)):
            yield Check(f"{name}/{one}", "missing", "the archive's list names it")

    def _weights(self, path: Path, name: str) -> Iterator[Check]:
        try:
            statement, metadata = read_statement(path), read_header(path).metadata
        except InputError as error:
            yield Check(name, "changed", error.message)
            return
        if statement is None:
            yield from list(self.locked(path, name)) or [
                Check(name, "missing", "no signature, and dvc.lock does not name it")
            ]
        elif statement.problems:
            yield from (Check(name, "changed", problem) for problem in statement.problems)
            return
        else:
            known = {line.key for line in self.registry.publications.values()} | (
                {self.key} if self.key else set()
            )
            signer = str(statement.says.get("key"))
            if signer in known:
                yield Check(
                    name,
                    "holds",
                    f"tensors and metadata signed by the publication's key {statement.key[:16]}",
                )
            else:
                state = "changed" if known else "unknown"
                yield Check(name, state, f"signed by key {statement.key[:16]}, which no registry here names")
            yield from self._source(str(statement.says.get("of", "")), name)
        training_set = metadata.get("likeness.training_set_sha256", "")
        persona = str(statement.says.get("persona")) if statement is not None else weights_persona(name)
        texts = PersonaPaths(persona).dataset_metadata if persona in self._personas else None
        if texts is not None and texts.is_file():
            same = sha256_file(self.repository.root / texts) == training_set
            yield Check(name, "holds" if same else "changed",
                        "trained on the training set that lies here" if same else "the training set here is another one")  # fmt: skip
        if persona in self._personas:
            yield from self._consent(persona, name, metadata.get("likeness.consent_id"))

    def _page(self, path: Path, name: str) -> Iterator[Check]:
        data = path.read_bytes()
        pictures = [base64.b64decode(found) for found in PAGE_PICTURE.findall(data)]
        signed = [one for one in pictures if claims.read(one, claims.JPEG) is not None]
        if not signed:
            yield from list(self.locked(path, name)) or [
                Check(name, "missing", "no marks, and dvc.lock does not name it")
            ]
            return
        if self.key is None:
            yield Check(
                name, "unknown", "the text of a published page is checked with its publication's folder"
            )
        for number, one in enumerate(pictures, start=1):
            found = claims.read(one, claims.JPEG)
            if found is None or not found.valid:
                why = "it has no C2PA statement" if found is None else ", ".join(found.problems)
                yield Check(f"picture {number} of {name}", "changed", why)
        yield Check(name, "holds", f"{len(signed)} of {len(pictures)} pictures carry a C2PA statement")

    def _source(self, digest: str, name: str) -> Iterator[Check]:
        """What a published copy was made from, where this repository has it."""
        known = list(self._way(digest, name))
        if self._personas and not known and digest not in self._outputs:
            why = f"what it was made from (sha256 {digest[:16]}) is not in this repository"
            yield Check(name, "unknown", why)
        yield from known

    def _way(self, digest: str, name: str) -> Iterator[Check]:
        """The files back to the photographs, each against the digest by which the next one names it."""
        for persona, ancestry in self._personas.items():
            if digest not in ancestry.links:
                continue
            photographs = 0
            for link in ancestry.way(digest):
                if isinstance(link, str):
                    yield Check(
                        f"{name} <- {link[:16]}", "missing", "no manifest and no photograph has this sha256"
                    )
                    continue
                photographs += link.stage in (PHOTOGRAPH, "ingest")
                if not link.path.is_file():
                    yield Check(f"{name} <- {link.path}", "missing", f"of {link.stage}")
                else:
                    same = sha256_file(link.path) == link.sha256
                    why = (
                        f"{link.stage}: it is the file that was named"
                        if same
                        else f"{link.stage}: these are other bytes"
                    )
                    yield Check(f"{name} <- {link.path}", "holds" if same else "changed", why)
            if photographs:
                yield from self._consent(persona, name, None)
            return

    def _consent(self, persona: str, name: str, wanted: str | None) -> Iterator[Check]:
        what = f"{name} <- consent/{persona}.yaml"
        try:
            record = load_consent(self.repository.root / "consent", persona)
        except ConsentError as error:
            yield Check(what, "changed", error.message)
            return
        same = wanted in (None, record.id)
        yield Check(
            what,
            "holds" if same else "changed",
            f"record {record.id}" + ("" if same else f", made under {wanted}"),
        )

    @cached_property
    def _personas(self) -> dict[str, Ancestry]:
        folders = sorted((self.repository.root / "data").glob("*/"))
        found = {folder.name: Ancestry.of(PersonaPaths(folder.name)) for folder in folders if folder.is_dir()}
        return {name: ancestry for name, ancestry in found.items() if ancestry.links}

    @cached_property
    def _outputs(self) -> set[str]:
        """sha256 of weights, archives and pages that lie here."""
        files = [path for persona in self._personas for path in PersonaPaths(persona).models.glob("*.*")]
        return {sha256_file(path) for path in files if path.is_file()}

    @cached_property
    def _lock(self) -> dict[Path, str]:
        """md5 of every file that dvc.lock names; those of a folder from DVC's list of it."""
        try:
            stages: dict[str, Any] = yaml.safe_load((self.repository.root / LOCK).read_text())["stages"]
        except (OSError, KeyError, TypeError, yaml.YAMLError):
            return {}
        known: dict[Path, str] = {}
        cache = cache_folder(self.repository.root)
        for stage in stages.values():
            for out in stage.get("outs", []):
                path, md5 = self.repository.root / out["path"], str(out.get("md5", ""))
                if not md5.endswith(".dir"):
                    known[path] = md5
                    continue
                folder = cached(cache, md5)
                if folder.is_file() and _md5(folder) + ".dir" == md5:
                    known |= {path / name: digest for name, digest in listed(folder).items()}
        return known


def _training_set(metadata: bytes) -> dict[str, str]:
    """sha256 by file of a metadata.jsonl; nothing where it does not read."""
    try:
        lines = [json.loads(line) for line in metadata.decode().split("\n") if line]
        return {f"train/{line['file_name']}": str(line["sha256"]) for line in lines}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
