"""The texts beside the training images: captions, metadata, the trainer's TOML and the card."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from likeness.dataset.card import dataset_card
from likeness.dataset.layout import caption_of, kohya_toml, metadata_line, repeats_in
from likeness.disk import write_parts
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.outputs import write_text
from likeness.run import Run


def write_texts(run: Run, manifest: Manifest, before: Mapping[str, Manifest]) -> None:
    """Write them into the training set's folder.

    Args:
        manifest: the training set's.
        before: the manifests of the stages before, by their folders' names.
    """
    paths, persona = run.paths, run.persona
    repeats = {str(PurePosixPath(image.file).parent): repeats_in(image.file) for image in manifest.entries}
    words, options = f"{persona.trigger} {persona.class_word}", run.config.dataset.kohya
    write_text(paths.dataset_toml, kohya_toml(repeats, class_tokens=words, options=options))
    write_parts(paths.dataset_metadata, (f"{metadata_line(image)}\n".encode() for image in manifest.entries))
    write_text(paths.dataset_card, dataset_card(run, manifest, before))
    for image in manifest.entries:
        write_text(paths.lora_training / caption_of(image.file), f"{image.text}\n")
