"""Checks that a file is the one in its manifest line."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.digests import sha256_bytes, sha256_file
from likeness.dvc_files import links_to_cache
from likeness.errors import InputError
from likeness.images import RGB, decode_rgb
from likeness.lazy import Lazy
from likeness.paths import require_file
from likeness.pipeline.manifest import MANIFEST, Entry, Manifest, made_again, read_manifest

REFUSED = "refused"
"""Of a picture that was drawn and not kept."""


@dataclass(frozen=True)
class Picture:
    """A finished image on its way to the next stage: its manifest line, and the file."""

    entry: Entry
    path: Path

    def data(self) -> bytes:
        """The file's bytes: what is used is what the line names, also when the file is exchanged while a stage runs.

        Raises:
            InputError: see `verified_bytes`.
        """
        return verified_bytes(self.path, self.entry.sha256)

    def rgb(self) -> RGB:
        """Its pixels; see `data`."""
        return decode_rgb(self.data(), name=str(self.path))


def read_pictures(folder: Path) -> Sequence[Picture]:
    """The finished images of a stage; see `read_verified`."""
    entries = read_verified(folder).entries
    return Lazy(len(entries), lambda number: Picture(entries[number], folder / entries[number].file))


def read_verified(folder: Path) -> Manifest:
    """Both files of a folder, where each file that the manifest names is the one it names.

    Raises:
        InputError: see `read_manifest`; a file is missing, lies elsewhere, or was exchanged behind its line.
    """
    manifest = read_manifest(folder)
    for entry in manifest.entries:
        verified(folder, entry)
    return manifest


def verified(folder: Path, entry: Entry) -> Path:
    """The file of a manifest's line.

    Raises:
        InputError: `missing-file`; `not-in-manifest`: it lies outside the folder, or has other bytes.
    """
    path = require_file(folder / entry.file, remedy=made_again(folder))
    at_home = path.resolve().is_relative_to(folder.resolve()) or links_to_cache(path)
    if not at_home or sha256_file(path) != entry.sha256:
        raise _exchanged(path, folder)
    return path


def verified_bytes(path: Path, sha256: str | None) -> bytes:
    """The bytes of a file whose digest a manifest's line names, read once.

    Raises:
        InputError: `missing-file`; `not-in-manifest`: no line names it, or it has other bytes.
    """
    require_file(path, remedy=made_again(path.parent))
    if path.is_symlink() and not links_to_cache(path):
        raise _exchanged(path, path.parent)
    if sha256_bytes(data := path.read_bytes()) != sha256:
        raise _exchanged(path, path.parent)
    return data


def _exchanged(path: Path, folder: Path) -> InputError:
    return InputError(
        f"{path} is not the file that {folder}/{MANIFEST} names",
        reason="not-in-manifest",
        remedy=made_again(folder),
    )


def why_not_shown(file: str | None, rating: str) -> str | None:
    """Why a page or a sheet leaves a drawn picture out; None where it shows it."""
    if file is None:
        return REFUSED
    return None if rating == "sfw" else f"rated {rating}: it may be explicit"
