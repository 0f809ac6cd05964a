"""Writes a person's own caption to captions_override/, after the judgement that the stage would make."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from likeness.caption import text as texts
from likeness.caption.refused import enhanced_image
from likeness.caption.text import MAX_BYTES, SUFFIX, Override, find_overrides
from likeness.disk import alone_in, write_atomic
from likeness.errors import InputError
from likeness.paths import same_name
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.run import Run
from likeness.safety.by_hand import refuse_changed


def own_captions(run: Run) -> tuple[Sequence[Entry], Mapping[str, Override]]:
    """The enhanced images, and what a person wrote about some of them, by their ids.

    Raises:
        InputError: there are no enhanced images yet.
    """
    images = read_manifest(run.paths.enhanced).entries
    return images, find_overrides(run.paths.captions_override, images)[0]


def write_caption(
    run: Run, image: str, text: str, sha256: str | None = None, before: str | None = None
) -> Path:
    """Write a person's caption of an enhanced image; without a word, delete it: the provider's counts again. `sha256`: only if the
    image's file has these bytes still; `before`: only if a person's caption of it says this still (empty: there is none).

    Raises:
        InputError: there is no such image, it or its caption changed; or the stage would refuse the text, and nothing is written.
    """
    entry = enhanced_image(run, image)
    refuse_changed(image, entry.sha256, sha256)
    with alone_in(run.paths.captions_override):
        own = own_captions(run)[1].get(image)
        refuse_changed(f"the caption of {image}", own.words if own else "", before)
        return _write(run, entry, text)


def _write(run: Run, entry: Entry, text: str) -> Path:
    image, folder = entry.id, run.paths.captions_override
    files = _files(folder, entry)
    if not text.strip():
        for path in files:
            path.unlink()
        return folder / f"{image}{SUFFIX}"
    # The one that wins; a longer name does (find_overrides).
    path = max(files, key=lambda one: (len(one.name), one.name), default=folder / f"{image}{SUFFIX}")
    data = f"{' '.join(text.split())}\n".encode()
    if len(data) > MAX_BYTES:
        raise InputError(
            f"the caption of {image} is larger than {MAX_BYTES} bytes",
            reason="override-unreadable",
            remedy="a caption is a sentence or two",
        )
    texts.read_override(texts.override_of(path, data), trigger=run.persona.trigger, replaced=entry.replaced)
    write_atomic(path, data)
    return path


def _files(folder: Path, entry: Entry) -> list[Path]:
    names = {f"{name}{SUFFIX}" for name in texts.override_names(entry)}
    present = folder.iterdir() if folder.is_dir() else ()
    return [path for path in present if same_name(path.name) in names and not path.is_dir()]
