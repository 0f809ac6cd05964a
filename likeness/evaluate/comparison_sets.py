"""The sets of images whose faces are compared, each face found once and remembered."""

from collections.abc import Sequence
from pathlib import Path

from likeness.evaluate.evaluation import Faces
from likeness.evaluate.face_embeddings import Finder, face_work, faces_of, ingested_faces
from likeness.evaluate.samples import Planned
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, Manifest, read_verified
from likeness.run import Run


def comparison_sets(run: Run, drawn: Manifest, planned: Sequence[Planned], find: Finder) -> dict[str, Faces]:
    """Faces of the samples, the training images, the held-out photographs and the target people.

    Args:
        drawn: manifest of the samples that were written to evaluation/samples/.
        find: faces of an image, largest first.
    """

    def search(entries: Sequence[Entry], folder: Path) -> dict[str, Outcome]:
        works = [face_work(entry.id, entry.sha256, folder / entry.file, find) for entry in entries]
        return {outcome.work.id: outcome for outcome in run.batch(works)}

    paths = run.paths
    training = read_verified(paths.lora_training).entries
    photographs = read_verified(paths.ingested).entries
    samples, trained = search(drawn.entries, paths.samples), search(training, paths.lora_training)
    with_lora = {one.id for one in planned if one.lora}
    return {
        "held_out": ingested_faces([photo for photo in photographs if photo.held_out], paths.ingested),
        "photographs": faces_of([trained[entry.id] for entry in training if entry.target is None]),
        "swaps": faces_of([trained[entry.id] for entry in training if entry.target is not None]),
        "samples_with": faces_of([one for name, one in samples.items() if name in with_lora]),
        "samples_without": faces_of([one for name, one in samples.items() if name not in with_lora]),
        "targets": ingested_faces([photo for photo in photographs if photo.target], paths.ingested),
    }
