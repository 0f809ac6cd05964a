"""Upload what changed, and manifest.json last."""

import json
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationError

from likeness.digests import sha256_file
from likeness.errors import ConfigError, LikenessError
from likeness.paths import inside
from likeness.publish.choose import Chosen
from likeness.publish.prepare import REGISTRY, Prepared
from likeness.settings import Record
from likeness.store.s3 import Remote, content_type

MANIFEST = "manifest.json"
FILES_AT_ONCE = 8


FileName = Annotated[str, AfterValidator(inside)]


class PublishedFile(Record):
    """One line of manifest.json; `file` is relative to it. `of` is the sha256 of the graph's file that it is a copy of."""

    file: FileName
    sha256: str
    size: int
    type: str
    of: str = ""


class Removed(Record):
    """A file that an earlier manifest.json named and this one does not."""

    file: FileName
    sha256: str


class Published(Record):
    """manifest.json: what is there, under which consent record, and what was there before. No times: equal content,
    equal bytes. `signature` is the key's, over all the rest; `key` is the public key."""

    persona: str
    consent: str
    files: tuple[PublishedFile, ...]
    removed: tuple[Removed, ...] = ()
    mark: str = ""
    key: str = ""
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        return _lines(self.model_copy(update={"signature": ""}))

    @property
    def bytes(self) -> bytes:
        """The whole file."""
        return _lines(self)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What one run of `publish` did, or would do."""

    uploaded: tuple[PublishedFile, ...]
    unchanged: int
    removed: tuple[Removed, ...]


def send(prepared: Prepared, remote: Remote, *, permit: Callable[[], object]) -> Summary:
    """Send what changed, several files at a time, and manifest.json last: who reads it finds all that it names.

    `permit` is asked before each file: a consent that ends meanwhile ends the sending.

    Files that left the manifest stay in the bucket until a person deletes them.

    Raises:
        ConsentError: as `permit` does.
        AuthError, ConfigError, TransientError, RejectedError: see Remote; manifest.json then still tells of what
            was there before, and the next run goes on.
    """
    before = _published(remote)

    def upload(one: PublishedFile) -> None:
        permit()
        remote.upload(one.file, prepared.files[one.file], one.sha256)

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        digests = pool.map(sha256_file, prepared.files.values())
        files = [
            _described(name, path, sha256, prepared.of.get(name, ""))
            for (name, path), sha256 in zip(prepared.files.items(), digests, strict=True)
        ]
        there = list(pool.map(remote.sha256, prepared.files))
        changed = [file for file, sha256 in zip(files, there, strict=True) if file.sha256 != sha256]
        sending = [pool.submit(upload, one) for one in changed]
        try:
            for sent in sending:
                sent.result()
        except LikenessError:
            pool.shutdown(cancel_futures=True)
            raise
    publication, removed = prepared.publication, _removed(before, prepared.files)
    now = Published(
        persona=publication.persona,
        consent=publication.consent,
        files=tuple(files),
        removed=removed,
        mark=publication.mark,
        key=prepared.key.public.hex(),
    )
    permit()
    signature = prepared.key.private.sign(now.signed_bytes()).hex()
    remote.write(MANIFEST, now.model_copy(update={"signature": signature}).bytes)
    return Summary(uploaded=tuple(changed), unchanged=len(files) - len(changed), removed=now.removed)


def foresee(chosen: Chosen, remote: Remote) -> Summary:
    """What `send` would do: nothing is marked, signed or written. Sizes are those of the graph's files."""
    before = _published(remote)
    known = {one.file: one.of for one in before.files}
    files = [
        _described(name, path, digest := sha256_file(path), digest) for name, path in chosen.files.items()
    ]
    changed = tuple(one for one in files if known.get(one.file) != one.of)
    removed = _removed(before, {*chosen.files, REGISTRY})
    return Summary(uploaded=changed, unchanged=len(files) - len(changed), removed=removed)


def _removed(before: Published, names: Collection[str]) -> tuple[Removed, ...]:
    gone = {one.file: one.sha256 for one in (*before.removed, *before.files) if one.file not in names}
    return tuple(Removed(file=name, sha256=sha256) for name, sha256 in sorted(gone.items()))


def _described(name: str, path: Path, sha256: str, of: str) -> PublishedFile:
    return PublishedFile(file=name, sha256=sha256, size=path.stat().st_size, type=content_type(name), of=of)


def _published(remote: Remote) -> Published:
    data = remote.read(MANIFEST)
    if data is None:
        return Published(persona="", consent="", files=())
    try:
        return Published.model_validate_json(data)
    except ValidationError as error:
        raise ConfigError(
            f"{remote.url}/{MANIFEST} is not a manifest of likeness",
            reason="publish-not-ours",
            remedy="publish to an empty prefix, or delete the file if it is damaged",
        ) from error


def _lines(published: Published) -> bytes:
    return (json.dumps(published.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n").encode()
