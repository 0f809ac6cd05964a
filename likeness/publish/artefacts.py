# pyright: basic
# (archives and a stranger's JSON are not typed)
"""Checks of single artefacts: a picture, an archive, weights, a report."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import InputError
from likeness.images import JPEG, mime_of
from likeness.lora.safetensors_io import read_header
from likeness.lora.said import CONSENT_ID, TRAINING_SET
from likeness.lora.signature import read_statement
from likeness.marks import claims
from likeness.marks.detect import (
    MAX_FILE_BYTES,
    MAX_PARTS,
    SUFFIXES,
    has_too_many_parts,
    open_rgb,
    pixel_mark,
)
from likeness.marks.pictures import WHY_NOT
from likeness.marks.registry import Registry
from likeness.marks.xmp import find_code
from likeness.paths import PersonaPaths, weights_persona
from likeness.publish.archives import BROKEN, opened, text_of
from likeness.publish.copies import MARKS, PAGE_PICTURE
from likeness.publish.origins import Check, Origins, compared

TRAINING_LIST, MAX_PAGE_PICTURES = "train/metadata.jsonl", 10_000
Kind = Literal["picture", "archive", "weights", "page"]
KINDS: dict[str, Kind] = {
    **dict.fromkeys(SUFFIXES, "picture"), ".zip": "archive", ".safetensors": "weights", ".html": "page", ".htm": "page",
}  # fmt: skip


def kind_of(name: str) -> Kind | None:
    """What a file is by its name, in capitals or not; None for what carries no marks."""
    return KINDS.get(Path(name).suffix.lower())


@dataclass(frozen=True)
class Verifier:
    """Checks single files. `key` is the one that must have signed, in hex; None takes the registry's word."""

    origins: Origins
    registry: Registry
    key: str | None = None

    def file(self, path: Path, name: str) -> Iterator[Check]:
        """Every check of one file."""
        kind = kind_of(name)
        if kind not in ("archive", "weights") and path.stat().st_size > MAX_FILE_BYTES:
            yield Check(name, "missing", f"it has more than {MAX_FILE_BYTES:,} bytes: not looked at")
        elif kind == "picture":
            yield from self.picture(path.read_bytes(), name, path)
        elif kind == "archive":
            yield from self._archive(path, name)
        elif kind == "weights":
            yield from self._weights(path, name)
        elif kind == "page":
            yield from self._page(path, name)
        else:
            why = "it is not a picture, archive, weights, report or publication, and nothing here names its bytes"
            yield from list(self.text(path, name)) or [Check(name, "unknown", why)]

    def text(self, path: Path, name: str) -> Iterator[Check]:
        """A caption, card or manifest, where a publication's registry or dvc.lock names it."""
        if line := self.registry.copies.get(sha256_file(path)):
            yield Check(name, "holds", f"the registry names it under the mark {line.mark}")
        yield from self.origins.locked(path, name)

    def picture(self, data: bytes, name: str, path: Path | None = None) -> Iterator[Check]:
        """A picture: published ones by their marks, the graph's own by their manifest."""
        if has_too_many_parts(data):
            yield Check(name, "missing", f"it has more than {MAX_PARTS:,} parts: not looked at")
            return
        mime, digest = mime_of(data), sha256_bytes(data)
        found = claims.read(data, mime) if mime else None
        if found is None:
            known = list(self.origins.locked(path, name)) if path is not None else []
            known += self.origins.way(digest, name)
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
            yield self._registered(digest, str(found.publication.get("mark", "")), name)
        yield from self.origins.source(str(found.publication.get("of", "")), name)

    def _registered(self, digest: str, mark: str, name: str) -> Check:
        """Whether the registry names these very bytes: C2PA leaves padding unsigned, and a stranger can sign, too."""
        line = self.registry.copies.get(digest)
        if line is not None and line.mark == mark:
            return Check(name, "holds", f"the registry names it under the mark {mark}")
        if mark in self.registry.publications:
            why = f"the registry of the mark {mark} does not name these bytes: they were changed, or another key signed them"
            return Check(name, "changed", why)
        why = f"no registry here knows the mark {mark}: whose key signed it cannot be told"
        return Check(name, "unknown", why)

    def _pixels(self, data: bytes, name: str, found: claims.Found) -> Iterator[Check]:
        try:
            rgb = open_rgb(data)
        except InputError as error:
            yield Check(name, "changed", error.message)
            return
        if found.mark is None:
            why = found.publication.get("no_mark_in_pixels")
            state = "unknown" if why in WHY_NOT else "missing"
            yield Check(name, state, f"no mark in its pixels: {why or 'nothing says why'}")
            return
        seen = pixel_mark(rgb, Registry(), found.mark)
        if seen is None or found.mark != found.publication.get("mark"):
            yield Check(name, "changed", "the pixels do not carry the mark that C2PA names")
        else:
            yield Check(name, "holds", f"its pixels carry the mark {seen.mark} ({seen.bits} of 32 bits)")

    def _archive(self, path: Path, name: str) -> Iterator[Check]:
        try:
            with opened(path) as archive:
                broken = archive.testzip()
                texts = {one: text_of(archive, one) for one in (TRAINING_LIST, MARKS)}
        except BROKEN as error:
            yield Check(name, "changed", f"it is not a complete archive: {error}")
            return
        if broken is not None:
            why = "its bytes do not have the checksum that the archive names"
            yield Check(f"{name}/{broken}", "changed", why)
            return
        with path.open("rb") as file:
            found = claims.read(file, claims.ZIP)
        images = _training_set(texts[TRAINING_LIST] or b"")
        if found is None:
            yield from self.origins.locked_or_missing(path, name, "no C2PA statement")
        else:
            wrong = f"C2PA: {', '.join(found.problems)}"
            yield compared(name, found.valid, f"C2PA, signed by {found.signer}", wrong)
            yield self._registered(sha256_file(path), str(found.publication.get("mark", "")), name)
        try:
            marked = json.loads(said)["pictures"] if (said := texts[MARKS]) else {}
            wanted = {one: str(said["sha256"]) for one, said in marked.items()} or images
            of = {one: str(said["of"]) for one, said in marked.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield Check(f"{name}/{MARKS}", "changed", "it cannot be read")
            return
        with opened(path) as archive:
            names = archive.namelist()
            for one in names:
                if kind_of(one) == "picture":
                    data = archive.read(one)
                    inner = f"{name}/{one}"
                    if wanted.get(one) != sha256_bytes(data):
                        yield Check(inner, "changed", "it is not the picture that the archive's list names")
                    elif of and of[one] != images.get(one):
                        yield Check(inner, "changed", "metadata.jsonl names another training image")
                    else:
                        yield from self.picture(data, inner)
        for one in sorted(wanted.keys() - set(names)):
            yield Check(f"{name}/{one}", "missing", "the archive's list names it")

    def _weights(self, path: Path, name: str) -> Iterator[Check]:
        try:
            statement, metadata = read_statement(path), read_header(path).metadata
        except InputError as error:
            yield Check(name, "changed", error.message)
            return
        if statement is None:
            yield from self.origins.locked_or_missing(path, name, "no signature")
        elif statement.problems:
            yield from (Check(name, "changed", problem) for problem in statement.problems)
            return
        else:
            known = {line.key for line in self.registry.publications.values()} | {self.key} - {None}
            signer = str(statement.says.get("key"))
            if signer in known:
                why = f"tensors and metadata signed by the publication's key {statement.key[:16]}"
                yield Check(name, "holds", why)
            else:
                state = "changed" if known else "unknown"
                yield Check(name, state, f"signed by key {statement.key[:16]}, which no registry here names")
            yield from self.origins.source(str(statement.says.get("of", "")), name)
        training_set = metadata.get(TRAINING_SET, "")
        persona = str(statement.says.get("persona")) if statement is not None else weights_persona(name)
        texts = PersonaPaths(persona).dataset_metadata if persona in self.origins.personas else None
        if texts is not None and texts.is_file():
            same = sha256_file(self.origins.repository.root / texts) == training_set
            right = "trained on the training set that lies here"
            yield compared(name, same, right, "the training set here is another one")
        if persona in self.origins.personas:
            yield from self.origins.consent(persona, name, metadata.get(CONSENT_ID))

    def _page(self, path: Path, name: str) -> Iterator[Check]:
        data = path.read_bytes()
        pictures = [
            _decoded(found[1]) for found in islice(PAGE_PICTURE.finditer(data), MAX_PAGE_PICTURES + 1)
        ]
        if len(pictures) > MAX_PAGE_PICTURES:
            yield Check(name, "missing", f"it has more than {MAX_PAGE_PICTURES:,} pictures: not looked at")
            return
        statements = [claims.read(one, JPEG) for one in pictures]
        signed = [found for found in statements if found is not None]
        if not signed:
            yield from self.origins.locked_or_missing(path, name, "no marks")
            return
        marks = sorted({str(found.publication.get("mark", "")) for found in signed if found.valid})
        yield self._registered(sha256_bytes(data), next(iter(marks), ""), name)
        for number, found in enumerate(statements, start=1):
            if found is None or not found.valid:
                why = "it has no C2PA statement" if found is None else ", ".join(found.problems)
                yield Check(f"picture {number} of {name}", "changed", why)
        yield Check(name, "holds", f"{len(signed)} of {len(pictures)} pictures carry a C2PA statement")


def _decoded(text: bytes) -> bytes:
    """A picture of a page; nothing, which carries no statement, where its text is damaged."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _training_set(metadata: bytes) -> dict[str, str]:
    """sha256 by file of a metadata.jsonl; nothing where it does not read."""
    try:
        lines = [json.loads(line) for line in metadata.decode().split("\n") if line]
        return {f"train/{line['file_name']}": str(line["sha256"]) for line in lines}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
