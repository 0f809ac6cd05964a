"""dataset: images, captions, Kohya TOML, metadata, card, and a zip with reproducible bytes.

reads   data/PERSONA/{enhanced,captions}/, and the manifests of ingested/, swapped/, resized/ for the card
writes  models/PERSONA/lora_training/ and models/PERSONA/PERSONA_lora_dataset.zip
"""

import shutil
from functools import partial

from likeness.dataset.archive import write_zip
from likeness.dataset.build import image_work, plan
from likeness.dataset.door import Door
from likeness.dataset.layout import archived
from likeness.dataset.select import select
from likeness.dataset.texts import write_texts
from likeness.lazy import Lazy
from likeness.pipeline.batch import Work
from likeness.pipeline.stage import folders_before
from likeness.pipeline.verified import read_verified
from likeness.run import Run
from likeness.safety.pictures import PictureGate, models
from likeness.stage_program import run


def main(run: Run) -> None:
    """Lay the chosen images out for the trainer, say where they come from, and pack them."""
    paths = run.paths
    before = {name: read_verified(folder) for name, folder in folders_before("dataset", paths).items()}
    chosen, left_out = select(
        before["enhanced"].entries, before["captions"], allow_review=run.config.dataset.allow_review
    )
    planned = plan(run, chosen, before["resized"])
    measures = run.measurements(PictureGate(run.embedder))
    digests, door = models(run.embedder), Door(run, before)

    def work(at: int) -> Work:
        return image_work(run, partial(planned.__getitem__, at), measures, digests, door.admit)

    outcomes = run.batch(Lazy(len(planned), work))
    shutil.rmtree(paths.lora_training, ignore_errors=True)  # a file of an earlier build would be trained on
    manifest = run.finish(outcomes, failures=left_out)
    write_texts(run, manifest, before)
    write_zip(paths.dataset_zip, paths.lora_training, archived(manifest.entries))


if __name__ == "__main__":
    run("dataset", main)
