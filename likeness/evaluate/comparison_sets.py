"""The sets of images whose faces are compared, each face found once and remembered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from likeness.evaluate.evaluation import Faces
from likeness.evaluate.face_embeddings import Finder, face_work, faces_of, ingested_faces
from likeness.evaluate.samples import Planned
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import read_verified
from likeness.run import Run


def search(run: Run, entries: Sequence[Entry], folder: Path, find: Finder) -> dict[str, Outcome]:
    """The faces of images, by the images' ids; `find` gives those of one, largest first."""
    works = [face_work(entry.id, entry.sha256, folder / entry.file, find) for entry in entries]
    return {outcome.work.id: outcome for outcome in run.batch(works)}


def comparison_sets(
    run: Run,
    trained: Sequence[Entry],
    faces: Mapping[str, Outcome],
    drawn: Mapping[str, Outcome],
    planned: Sequence[Planned],
    named: Sequence[str],
) -> dict[str, Faces]:
    """Faces of the samples, the training images, the photographs and the target people.

    Args:
        faces: what was found in the training images, by id; `drawn`: in the samples that were written.
        named: the prompts that name the person; what others draw is no likeness of her that was asked for.
    """
    photographs = read_verified(run.paths.ingested).entries

    def ingested(entries: Sequence[Entry]) -> Faces:
        return ingested_faces(entries, run.paths.ingested)

    def samples(*, lora: bool, name: bool) -> Faces:
        chosen = [one.id for one in planned if one.lora == lora and (one.prompt in named) == name]
        return faces_of([drawn[image] for image in chosen if image in drawn])

    return {
        "held_out": ingested([photo for photo in photographs if photo.held_out]),
        "sources": ingested([photo for photo in photographs if photo.source and not photo.held_out]),
        "photographs": faces_of([faces[entry.id] for entry in trained if entry.target is None]),
        "swaps": faces_of([faces[entry.id] for entry in trained if entry.target is not None]),
        "samples_with": samples(lora=True, name=True),
        "samples_without": samples(lora=False, name=True),
        "unnamed_with": samples(lora=True, name=False),
        "unnamed_without": samples(lora=False, name=False),
        "targets": ingested([photo for photo in photographs if photo.target]),
    }
