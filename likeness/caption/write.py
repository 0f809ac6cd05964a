"""Writes a person's own caption to captions_override/, after the judgement that the stage would make."""

from collections.abc import Sequence
from pathlib import Path

from likeness.caption import text as texts
from likeness.caption.refused import enhanced_image
from likeness.caption.text import MAX_BYTES, SUFFIX, Override, find_overrides
from likeness.disk import write_atomic
from likeness.errors import InputError
from likeness.paths import same_name
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.run import Run


def own_captions(run: Run) -> tuple[Sequence[Entry], dict[str, Override]]:
    """The enhanced images, and what a person wrote about some of them, by their ids.

    Raises:
        InputError: there are no enhanced images yet.
    """
    images = read_manifest(run.paths.enhanced).entries
    return images, find_overrides(run.paths.captions_override, list(images))[0]


def write_caption(run: Run, image: str, text: str) -> Path:
    """Write a person's caption of an enhanced image; without a word, delete it: the provider's counts again.

    Raises:
        InputError: there is no such image; or the stage would refuse the text, and nothing is written.
    """
    entry = enhanced_image(run, image)
    folder = run.paths.captions_override
    files = _files(folder, entry)
    if not text.strip():
        for path in files:
            path.unlink()
        return folder / f"{image}{SUFFIX}"
    # The one that wins; a longer name does (find_overrides).
    path = max(files, key=lambda one: (len(one.name), one.name), default=folder / f"{image}{SUFFIX}")
    data = f"{' '.join(text.split())}\n".encode()
    if len(data) > MAX_BYTES:
        raise InputError(f"the caption of {image} is larger than {MAX_BYTES} bytes", reason="override-unreadable",
                         remedy="a caption is a sentence or two")  # fmt: skip
    texts.read_override(texts.override_of(path, data), trigger=run.persona.trigger, replaced=entry.replaced)
    write_atomic(path, data)
    return path


def _files(folder: Path, entry: Entry) -> list[Path]:
    names = {f"{name}{SUFFIX}" for name in texts.override_names(entry)}
    present = folder.iterdir() if folder.is_dir() else ()
    return [path for path in present if same_name(path.name) in names and not path.is_dir()]
