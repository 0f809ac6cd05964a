"""Which revision made a file: a weight file, an archive, a training image, a sample."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likeness.digests import md5_file
from likeness.errors import InputError
from likeness.paths import PersonaPaths
from likeness.pipeline.ancestry import ancestors
from likeness.pipeline.stage import BY_FOLDER
from likeness.versions.changes import PICTURES, TRAINED
from likeness.versions.revision import WORKSPACE, Revision, lock_of, locks_in_history, personas_of


@dataclass(frozen=True, kw_only=True)
class Made:
    """Where a file comes from.

    `revision` is the oldest commit whose dvc.lock names the file's bytes (`workspace`: none does yet) and `title` its date
    and first line, `output` the path there, `training_set` the digest of the pictures and captions it was trained on or holds,
    `dataset_revision` the oldest commit with that training set, `pictures` their number. `parents` are the lines of the
    pictures that a picture was made of, back to the photographs; `settings` are those of the stage that made it.
    """

    persona: str
    stage: str
    output: str
    revision: str
    title: str
    training_set: str | None
    dataset_revision: str | None
    pictures: int | None
    settings: Mapping[str, Any]
    parents: tuple[Mapping[str, Any], ...] = ()


def lineage(path: Path) -> Made:
    """Look for a file's bytes in the workspace's dvc.lock, then in those of the history.

    Raises:
        InputError: no lock names these bytes.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file", reason="no-file", remedy="name a file that a stage made")
    md5 = md5_file(path)
    found = None
    for revision, title in _revisions():  # newest first: the last one that is found is the oldest
        for stage in revision.stages:
            if output := _output(revision, stage, md5):
                found = (revision, stage, output, title)
    if found is None:
        raise InputError(
            f"no dvc.lock of this repository's history names the bytes of {path}",
            reason="no-version",
            remedy="it knows what stages made, not photographs or pictures of `likeness draw`; a converted, marked or edited file "
            "has other bytes: `likeness inspect` and `likeness verify` read what it says",
        )
    return _made(*found)


def _made(revision: Revision, stage: str, output: str, title: str) -> Made:
    paths = revision.paths
    training_set = revision.outs.get(paths.lora_training.as_posix())
    first, pictures = None, None
    if training_set:
        first = _first_with(paths, training_set)
        with suppress(InputError):  # not in this machine's cache: its digest is known all the same
            pictures = len(revision.folder(TRAINED).entries)
    return Made(
        persona=paths.persona,
        stage=stage,
        output=output,
        revision=revision.name,
        title=title,
        training_set=training_set,
        dataset_revision=first,
        pictures=pictures,
        settings=revision.settings(stage),
        parents=tuple(_parents(revision, output)),
    )


def _parents(revision: Revision, output: str) -> Iterator[Mapping[str, Any]]:
    """The lines behind a picture, from its own back to its photographs."""
    folders = {name: revision.paths.output(name) for name in (*PICTURES, TRAINED)}
    if not any(Path(output).is_relative_to(folder) for folder in folders.values()):
        return
    by_digest: dict[str, Mapping[str, Any]] = {}
    own = None
    for name, folder in folders.items():
        for entry in revision.folder(name).entries.values():
            by_digest.setdefault(entry["sha256"], {**entry, "stage": BY_FOLDER[name].name})
            if (folder / entry["file"]).as_posix() == output:
                own = entry["sha256"]
    if own is not None:
        way = ancestors(own, lambda digest: by_digest.get(digest, {}).get("parents", ()))
        yield from (by_digest[digest] for digest in way if digest in by_digest)


def _output(revision: Revision, stage: str, md5: str) -> str | None:
    """The path under which a stage's outputs hold a digest."""
    for out in revision.stages[stage].get("outs", ()):
        if out.get("md5") == md5:
            return out["path"]
        if (found := revision.listing(out)) and md5 in found:
            return f"{out['path']}/{found[md5]}"
    return None


def _first_with(paths: PersonaPaths, training_set: str) -> str | None:
    """The oldest revision with this training set."""
    folder = paths.lora_training.as_posix()
    names = [
        revision.name
        for revision, _ in _revisions()
        if revision.paths.persona == paths.persona and revision.outs.get(folder) == training_set
    ]
    return names[-1] if names else None


def _revisions() -> Iterator[tuple[Revision, str]]:
    """Every persona at every version of dvc.lock, newest first, with its date and first line."""
    for name, title in [(WORKSPACE, "not committed yet"), *locks_in_history()]:
        try:
            lock = lock_of(name)
        except InputError:  # there is none, or a merge broke it
            continue
        for persona in personas_of(lock):
            yield Revision(name, persona, lock), title
