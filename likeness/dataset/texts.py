"""What stands beside the training images: captions, metadata, the trainer's TOML and the card."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from likeness.dataset.build import Planned
from likeness.dataset.card import dataset_card
from likeness.dataset.layout import kohya_toml, metadata_line
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.outputs import write_text
from likeness.run import Run


def write_texts(
    run: Run, manifest: Manifest, planned: Sequence[Planned], before: Mapping[str, Manifest]
) -> list[str]:
    """Write them into the training set's folder, and return their names there.

    Args:
        manifest: the training set's.
        before: the manifests of the stages before, by their folders' names.
    """
    paths, persona = run.paths, run.persona
    by_id = {one.chosen.image.id: one for one in planned}
    lines = [metadata_line(image, by_id[image.id].repeats) for image in manifest.entries]
    texts = {
        paths.dataset_toml: kohya_toml(
            {one.directory: one.repeats for one in planned},
            class_tokens=f"{persona.trigger} {persona.class_word}",
            options=run.config.dataset.kohya,
        ),
        paths.dataset_metadata: "".join(line + "\n" for line in lines),
        paths.dataset_card: dataset_card(run, manifest, by_id, before),
    }
    for image in manifest.entries:
        texts[paths.lora_training / PurePosixPath(image.file).with_suffix(".txt")] = f"{image.text}\n"
    for path, text in texts.items():
        write_text(path, text)
    return [path.relative_to(paths.lora_training).as_posix() for path in texts]
