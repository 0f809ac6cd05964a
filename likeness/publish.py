# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# safetensors is an extension module without types.
"""What leaves the house, and how it gets to the bucket: only what a manifest names and rates `sfw`, only what changed.

Layout at `publish.url`/PERSONA: images/, captions/, evaluation/samples/, lora_training/README.md, report/index.html,
PERSONA_lora_dataset.zip, PERSONA-v1.safetensors, README.md, and last manifest.json.
"""

import json
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import safe_open

from likeness.errors import ConfigError, InputError, LikenessError
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.report.words import SHOWABLE
from likeness.store.items import sha256_bytes, sha256_file
from likeness.store.s3 import Remote, content_type

MANIFEST = "manifest.json"
IMAGE_TYPES = (".jpg", ".png")
FILES_AT_ONCE = 8


class PublishedFile(BaseModel):
    """One line of manifest.json; `file` is relative to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    sha256: str
    size: int
    type: str


class Removed(BaseModel):
    """A file that an earlier manifest.json named and this one does not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    sha256: str


class Published(BaseModel):
    """manifest.json: what is there, under which consent record, and what was there before. No times: equal content,
    equal bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    persona: str
    consent: str
    files: tuple[PublishedFile, ...]
    removed: tuple[Removed, ...] = ()


@dataclass(frozen=True)
class Held:
    """What stays at home, and why."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Files that may leave, {name in the bucket: path here}, and what may not."""

    files: dict[str, Path]
    held: tuple[Held, ...]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one run of `publish` did, or would do."""

    uploaded: tuple[PublishedFile, ...]
    unchanged: int
    removed: tuple[Removed, ...]

    @property
    def uploaded_bytes(self) -> int:
        return sum(file.size for file in self.uploaded)


def choose(places: PersonaPaths, consent_id: str) -> Chosen:
    """Look through a persona's finished folders.

    What the training set's manifest does not wholly rate `sfw` holds back everything made of it: archive, weights,
    cards and report.

    Raises:
        InputError: a file is missing, is not the one its manifest names, or was made under another consent record.
    """
    held: list[Held] = []
    texts = _rated(places.captions, held)  # a captioner sees more than the first rating did
    unfit = {entry.id for entry in read_manifest(places.captions).entries} - {entry.id for entry in texts}
    images = [entry for entry in _rated(places.enhanced, held) if entry.id not in unfit]
    named = {entry.id for entry in images}
    files = {f"images/{entry.file}": _named(places.enhanced, entry) for entry in images}
    files |= {
        f"captions/{entry.file}": _named(places.captions, entry) for entry in texts if entry.id in named
    }
    samples = places.samples
    files |= {f"evaluation/samples/{entry.file}": _named(samples, entry) for entry in _rated(samples, held)}

    trained_on = _rated(places.lora_training, held)
    everything = read_manifest(places.lora_training).entries
    if len(trained_on) < len(everything) or unfit & {entry.id for entry in everything}:
        held.append(
            Held("archive, weights, cards and report", "the training set has images that are not rated sfw")
        )
        return Chosen(files=files, held=tuple(held))

    _check_archive(places.dataset_zip, trained_on)
    _check_weights(places.weights, consent_id)
    whole = [
        places.dataset_zip,
        places.weights,
        places.model_card,
        places.dataset_card,
    ]
    refused = [one.id for one in read_manifest(places.ingested).failures if one.reason in SHOWABLE]
    if refused:
        why = (
            f"it shows {len(refused)} refused photographs, which no manifest names ({', '.join(refused[:5])})"
        )
        held.append(Held("report/index.html", why))
    else:
        whole.append(places.report_page)
    files |= {path.relative_to(places.models).as_posix(): _existing(path) for path in whole}
    return Chosen(files=files, held=tuple(held))


def publish(chosen: Chosen, remote: Remote, persona: str, consent_id: str, *, dry_run: bool) -> Summary:
    """Send what changed, several files at a time, and manifest.json last: who reads it finds all that it names.

    Files that left the manifest stay in the bucket until a person deletes them.

    Raises:
        AuthError, ConfigError, TransientError, RejectedError: see Remote; manifest.json then still tells of what
            was there before, and the next run goes on.
    """
    before = _published(remote)
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        files = list(pool.map(_described, chosen.files, chosen.files.values()))
        there = list(pool.map(remote.sha256, chosen.files))
        changed = [file for file, sha256 in zip(files, there, strict=True) if file.sha256 != sha256]
        if not dry_run:
            sending = [
                pool.submit(remote.upload, one.file, chosen.files[one.file], one.sha256) for one in changed
            ]
            try:
                for sent in sending:
                    sent.result()
            except LikenessError:
                pool.shutdown(cancel_futures=True)
                raise
    names = {file.file for file in files}
    gone = {one.file: one.sha256 for one in (*before.removed, *before.files) if one.file not in names}
    removed = tuple(Removed(file=name, sha256=sha256) for name, sha256 in sorted(gone.items()))
    now = Published(persona=persona, consent=consent_id, files=tuple(files), removed=removed)
    if not dry_run:
        remote.write(MANIFEST, _lines(now))
    return Summary(uploaded=tuple(changed), unchanged=len(files) - len(changed), removed=removed)


def _rated(folder: Path, held: list[Held]) -> list[Entry]:
    """Entries rated sfw; the others are held."""
    entries = read_manifest(folder).entries
    held += [
        Held(f"{folder}/{one.file}", f"is rated {one.rating}, not sfw")
        for one in entries
        if one.rating != "sfw"
    ]
    return [entry for entry in entries if entry.rating == "sfw"]


def _named(folder: Path, entry: Entry) -> Path:
    """The file of a manifest's line, which must be the one that was rated."""
    path = _existing(folder / entry.file)
    if not path.resolve().is_relative_to(folder.resolve()) or sha256_file(path) != entry.sha256:
        raise InputError(f"{path} is not the file that {folder}/manifest.jsonl names", reason="not-in-manifest",
                         remedy="run `dvc repro`, which makes it again")  # fmt: skip
    return path


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path} is missing", reason="missing-file", remedy="run `dvc repro` first")
    return path


def _check_archive(path: Path, entries: Sequence[Entry]) -> None:
    """Every image in the archive must be one that the training set's manifest names."""
    known = {entry.sha256 for entry in entries}
    with zipfile.ZipFile(_existing(path)) as archive:
        for name in archive.namelist():
            if name.endswith(IMAGE_TYPES) and sha256_bytes(archive.read(name)) not in known:
                raise InputError(f"{path} holds {name}, which no manifest names", reason="not-in-manifest",
                                 remedy="run `dvc repro`, which packs it again")  # fmt: skip


def _check_weights(path: Path, consent_id: str) -> None:
    """The weights must say that they were made under the consent record that is in force."""
    with cast(Any, safe_open)(_existing(path), framework="np") as weights:
        found = (weights.metadata() or {}).get("likeness.consent_id")
    if found != consent_id:
        raise InputError(f"{path} was made under consent record {found}, the one in force is {consent_id}",
                         reason="consent-changed", remedy="run `dvc repro` to train under the present record")  # fmt: skip


def _described(name: str, path: Path) -> PublishedFile:
    return PublishedFile(
        file=name, sha256=sha256_file(path), size=path.stat().st_size, type=content_type(name)
    )


def _published(remote: Remote) -> Published:
    data = remote.read(MANIFEST)
    if data is None:
        return Published(persona="", consent="", files=())
    try:
        return Published.model_validate_json(data)
    except ValidationError as error:
        raise ConfigError(f"{remote.url}/{MANIFEST} is not a manifest of likeness", reason="publish-not-ours",
                          remedy="publish to an empty prefix, or delete the file if it is damaged") from error  # fmt: skip


def _lines(published: Published) -> bytes:
    return (json.dumps(published.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()
