"""The sets of images whose faces are compared, each face found once and remembered."""

from collections.abc import Sequence
from pathlib import Path

from likeness.evaluate.evaluation import Faces
from likeness.evaluate.face_embeddings import Finder, face_work, faces_of, ingested_faces
from likeness.evaluate.samples import Planned
from likeness.paths import PersonaPaths
from likeness.pipeline.batch import Outcome, run_batch
from likeness.pipeline.manifest import Entry, Manifest, read_manifest
from likeness.store.items import ItemStore


def compared_groups(
    places: PersonaPaths,
    drawn: Manifest,
    planned: Sequence[Planned],
    find: Finder,
    store: ItemStore,
    *,
    workers: int,
) -> dict[str, Faces]:
    """Faces of the samples, the training images, the held-out photographs and the target people.

    Args:
        drawn: manifest of the samples that were written to evaluation/samples/.
        find: faces of an image, largest first.
    """

    def search(entries: Sequence[Entry], folder: Path) -> dict[str, Outcome]:
        works = [face_work(entry.id, entry.sha256, folder / entry.file, find) for entry in entries]
        outcomes = run_batch("evaluate", works, store, workers=workers)
        return {outcome.work.id: outcome for outcome in outcomes}

    training = read_manifest(places.lora_training).entries
    photographs = read_manifest(places.ingested).entries
    samples = search(drawn.entries, places.samples)
    trained = search(training, places.lora_training)
    with_lora = {one.id for one in planned if one.lora}
    return {
        "held_out": ingested_faces([photo for photo in photographs if photo.held_out], places.ingested),
        "photographs": faces_of([trained[entry.id] for entry in training if entry.target is None]),
        "swaps": faces_of([trained[entry.id] for entry in training if entry.target is not None]),
        "samples_with": faces_of([found for name, found in samples.items() if name in with_lora]),
        "samples_without": faces_of([found for name, found in samples.items() if name not in with_lora]),
        "targets": ingested_faces(
            [photo for photo in photographs if photo.target is not None], places.ingested
        ),
    }
