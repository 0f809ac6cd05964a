"""The texts beside the training images: captions, metadata, the trainer's TOML and the card."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from likeness.dataset.card import dataset_card
from likeness.dataset.layout import caption_of, kohya_toml, metadata_line, repeats_in
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.outputs import write_text
from likeness.run import Run


def write_texts(run: Run, manifest: Manifest, before: Mapping[str, Manifest]) -> list[str]:
    """Write them into the training set's folder, and return their names there.

    Args:
        manifest: the training set's.
        before: the manifests of the stages before, by their folders' names.
    """
    paths, persona = run.paths, run.persona
    repeats = {str(PurePosixPath(image.file).parent): repeats_in(image.file) for image in manifest.entries}
    words, options = f"{persona.trigger} {persona.class_word}", run.config.dataset.kohya
    texts = {
        paths.dataset_toml: kohya_toml(repeats, class_tokens=words, options=options),
        paths.dataset_metadata: "".join(metadata_line(image) + "\n" for image in manifest.entries),
        paths.dataset_card: dataset_card(run, manifest, before),
    }
    for path, text in texts.items():
        write_text(path, text)
    names = [path.relative_to(paths.lora_training).as_posix() for path in texts]
    for image in manifest.entries:
        names.append(caption := caption_of(image.file))
        write_text(paths.lora_training / caption, f"{image.text}\n")
    return names
