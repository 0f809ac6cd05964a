"""Build the training set: images, captions, Kohya TOML, metadata, card, and a zip with reproducible bytes.

Reads data/PERSONA/{enhanced,captions}/, and the manifests of ingested/, swapped/, resized/ for the card.
Writes models/PERSONA/lora_training/ and models/PERSONA/PERSONA_lora_dataset.zip.
"""

import shutil

from likeness.dataset.archive import write_zip
from likeness.dataset.build import caption_files, image_work, plan, training_images
from likeness.dataset.card import CardFacts, dataset_card
from likeness.dataset.layout import kohya_toml, metadata_jsonl
from likeness.dataset.select import select
from likeness.errors import InputError
from likeness.pipeline.manifest import enlargements, read_manifest
from likeness.pipeline.stage import folders_before
from likeness.run import Run, run


def main(run: Run) -> None:
    """Lay the chosen images out for the trainer, say where they come from, and pack them."""
    places, persona, record, options = run.paths, run.persona, run.consent, run.config.dataset
    made = {name: read_manifest(folder) for name, folder in folders_before("dataset", places).items()}

    chosen, left_out = select(made["enhanced"].entries, made["captions"], allow_review=options.allow_review)
    if not chosen:
        raise InputError("no image is left for the training set", reason="empty-dataset",
                         remedy=f"read the failures.jsonl files below {places.data}")  # fmt: skip
    planned = plan(
        chosen, made["resized"], options=options, trigger=persona.trigger, class_word=persona.class_word,
        synthetic=record.kind == "synthetic",
    )  # fmt: skip

    folder = places.lora_training
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier build left there would be trained on
    works = [image_work(one, places, options) for one in planned]
    outcomes = run.batch(works)
    by_id = {one.chosen.image.id: one for one in planned}
    manifest = run.finish(outcomes, failures=left_out)

    images = training_images(manifest, planned)
    facts = CardFacts(
        persona=persona.name, trigger=persona.trigger, class_word=persona.class_word, license=options.license,
        consent=record, stages=made, images=images, codes=[by_id[image.id].code for image in images],
        enlargements=list(enlargements(manifest, made["resized"]).values()),
    )  # fmt: skip
    texts = {
        **caption_files(images),
        places.dataset_toml.name: kohya_toml(
            {one.directory: one.repeats for one in planned},
            class_tokens=f"{persona.trigger} {persona.class_word}",
            options=options.kohya,
        ),
        places.dataset_metadata.name: metadata_jsonl(images),
        places.dataset_card.name: dataset_card(facts),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    write_zip(places.dataset_zip, folder, [*texts, *(image.file_name for image in images)])


if __name__ == "__main__":
    run("dataset", main)
