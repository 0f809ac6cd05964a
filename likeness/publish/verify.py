"""Checks that an artefact is unchanged: its marks, its signature, and its way back to the photographs and the
consent.

What is published is checked by its signatures, what the graph wrote by its manifests and by dvc.lock. Nothing is believed
that the artefact says of itself where something else can be asked.
"""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import InputError
from likeness.key_files import verified
from likeness.marks.detect import MAX_FILE_BYTES
from likeness.marks.registry import Registry, read_registries, read_registry
from likeness.paths import RepositoryPaths
from likeness.publish.artefacts import Verifier, kind_of
from likeness.publish.origins import Check, Origins, compared
from likeness.publish.prepare import REGISTRY
from likeness.publish.send import MANIFEST, Published


def verify(path: Path, repository: RepositoryPaths) -> list[Check]:
    """Everything that can be checked of a picture, archive, weights, report, folder or publication.

    Raises:
        InputError: `missing-file`, `not-a-file`.
    """
    if not path.is_file() and not path.is_dir():
        reason, why = "not-a-file", "a pipe, a socket or a device"
        if not path.exists():
            reason, why = "missing-file", "not there"
        raise InputError(f"{path} is {why}", reason=reason, remedy="give the path of a file or folder")
    if path.name == MANIFEST and path.is_file():
        path = path.parent
    if path.is_dir() and (path / MANIFEST).is_file():
        return list(_publication(path, repository))
    verifier = Verifier(Origins(repository), _registry(path, repository))
    if path.is_dir():
        return list(_folder(path, verifier))
    named = list(_in_its_publication(path))
    more = verifier.text if named and kind_of(path.name) is None else verifier.file
    return [*named, *more(path, str(path))]


def _in_its_publication(path: Path) -> Iterator[Check]:
    """A file of a downloaded publication, by its name: another one of the same publication has marks that hold, too."""
    for folder in path.absolute().parents:
        if not (folder / MANIFEST).is_file() or not (folder / REGISTRY).is_file():
            continue
        said, check = _manifest(folder)
        if check.state != "holds" or said is None:
            yield check
            return
        name = path.absolute().relative_to(folder).as_posix()
        if name != MANIFEST:
            digests = {one.file: one.sha256 for one in said.files}
            if name not in digests:
                yield Check(str(path), "changed", "the publication's manifest does not name it")
            else:
                yield _named(path, str(path), digests[name])
        return


def _registry(path: Path, repository: RepositoryPaths) -> Registry:
    """Of a downloaded publication its own, beside its manifest in one of the folders above; else this repository's."""
    for folder in path.absolute().parents:
        if (folder / REGISTRY).is_file() and (
            folder == path.absolute().parent or (folder / MANIFEST).is_file()
        ):
            return read_registry(folder / REGISTRY)
    return read_registries(repository.marks)


def _publication(folder: Path, repository: RepositoryPaths) -> Iterator[Check]:
    """A publication: its signed manifest, every file that it names and no other, and each artefact."""
    said, check = _manifest(folder)
    yield check
    if said is None:
        return
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
    yield _whose(said, repository)
    named = {one.file: one for one in said.files}
    verifier = Verifier(Origins(repository), registry, key=said.key)
    for file, one in named.items():
        path = folder / file
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            yield Check(file, "missing", "the manifest names it")
        else:
            yield (check := _named(path, file, one.sha256))
            if check.state == "holds" and kind_of(file) is not None:
                yield from verifier.file(path, file)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not _is_folder(path)}
    for file in sorted(there - {*named, MANIFEST}):
        removed = file in {one.file for one in said.removed}
        why = "an earlier publication named it" if removed else "the manifest does not name it"
        yield Check(file, "unknown" if removed else "changed", why)


def _manifest(folder: Path) -> tuple[Published | None, Check]:
    """What a publication's manifest says, and whether its signature holds; None where it does not read."""
    name = str(folder / MANIFEST)
    try:
        with (folder / MANIFEST).open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
        said = Published.model_validate_json(data)
        key, signature = bytes.fromhex(said.key), bytes.fromhex(said.signature)
    except (ValidationError, ValueError, RecursionError):
        return None, Check(name, "changed", "it is not a manifest of likeness")
    written = said.bytes == data and (key.hex(), signature.hex()) == (said.key, said.signature)
    holds = written and verified(key, signature, said.signed_bytes())
    return said, Check(name, "holds" if holds else "changed", f"signature of key {sha256_bytes(key)[:16]}")


def _named(path: Path, name: str, sha256: str) -> Check:
    same = sha256_file(path) == sha256
    return compared(name, same, "its sha256 is the manifest's", "its sha256 is not the manifest's")


def _whose(said: Published, repository: RepositoryPaths) -> Check:
    """Whether the key is one of the repository's own: a stranger can sign a whole publication, its registry too."""
    what = f"key {sha256_bytes(bytes.fromhex(said.key))[:16]}"
    try:
        lines = read_registries(repository.marks).publications.values()
    except InputError as error:
        return Check(what, "changed", error.message)
    ours = {line.key for line in lines if line.persona == said.persona}
    if said.key in ours:
        return Check(what, "holds", f"this repository published {said.persona} with it")
    if ours:
        return Check(what, "changed", f"this repository published {said.persona} with other keys only")
    return Check(
        what, "unknown", f"no registry here knows who publishes {said.persona}: ask for the key's name"
    )


def _is_folder(path: Path) -> bool:
    """A link to one is none: what lies behind it is not looked at."""
    return path.is_dir() and not path.is_symlink()


def _folder(folder: Path, verifier: Verifier) -> Iterator[Check]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    yield from verifier.origins.gone(folder)
    yield from (
        Check(str(path), "unknown", "it is a link to a folder, or no file: nothing was looked at")
        for path in sorted(folder.rglob("*"))
        if not path.is_file() and not _is_folder(path)
    )
    if (folder / REGISTRY).is_file():
        yield Check(str(folder / MANIFEST), "missing", "a publication's registry lies here without it")
    if not any(kind_of(path.name) for path in files):
        yield Check(str(folder), "unknown", "it holds no picture, archive, weights or report")
    for path in sorted(files, key=lambda path: kind_of(path.name) is None):
        yield from verifier.file(path, str(path))
