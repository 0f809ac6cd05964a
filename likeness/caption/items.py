"""One image through the caption stage: its key, its work and its manifest line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from likeness.caption import Captioner, CaptionProvider
from likeness.caption.text import SUFFIX, compose, read_override
from likeness.images import load_rgb
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry, Picture
from likeness.run import Run
from likeness.safety.gates import Subject, refuse
from likeness.store.items import Item, Json, item_key, sha256_bytes, sha256_pixels

CAPTION_VERSION = 1
"""Raised whenever the same image and settings would give another text; providers have their own versions."""

TEXT = "caption.txt"
OVERRIDE = "override"
"""The provider in the manifest of a caption that a person wrote."""


def caption_key(entry: Entry, provider: CaptionProvider, *, trigger: str, class_word: str) -> str:
    """The key of one image's caption."""
    settings: dict[str, Json] = {
        "provider": provider.identity(),
        "trigger": trigger,
        "class_word": class_word,
        "swapped": entry.target is not None,
    }
    return item_key("caption", CAPTION_VERSION, settings, [entry.sha256])


def override_key(override: bytes, *, trigger: str, replaced: str | None = None) -> str:
    """The key of a caption that a person wrote."""
    settings: dict[str, Json] = {"trigger": trigger}
    if replaced is not None:
        settings["replaced"] = replaced
    return item_key("caption-override", CAPTION_VERSION, settings, [sha256_bytes(override)])


def caption_work(
    entry: Entry,
    folder: Path,
    provider: CaptionProvider,
    captioner: Captioner | None,
    *,
    trigger: str,
    class_word: str,
) -> Work:
    """The work of describing one image in `folder`."""
    key = caption_key(entry, provider, trigger=trigger, class_word=class_word)

    def make() -> Made:
        assert captioner is not None, "a plan makes nothing"
        face = next(iter(entry.faces), None)
        described = captioner.describe(
            load_rgb(folder / entry.file), face=face, swapped=entry.target is not None, item=entry.id
        )
        refuse("caption", Subject(text=described.text), what=f"the caption of {entry.file}")
        return _made(compose(trigger, class_word, described.text), provider.name, described.cost_usd)

    return Work(id=entry.id, key=key, make=make, source=entry.source, target=entry.target)


def works(
    run: Run, pictures: Sequence[Picture], overrides: Mapping[str, bytes], captioner: Captioner | None = None
) -> list[Work]:
    """The stage's work: a person's own words, or a caption an enhanced picture; without a captioner it can only be
    looked up."""
    provider, persona = run.provider, run.persona

    def work(one: Picture) -> Work:
        if (override := overrides.get(one.entry.id)) is not None:
            return override_work(one.entry.id, override, trigger=persona.trigger, replaced=one.entry.replaced)
        return replace(
            caption_work(
                one.entry,
                one.path.parent,
                provider,
                captioner,
                trigger=persona.trigger,
                class_word=persona.class_word,
            ),
            order=partial(order, provider, one.path),
        )

    def line(entry: Entry, item: Item) -> Line:
        name = f"{Path(entry.file).stem}.txt"
        return caption_entry(entry, item, name), {name: TEXT}

    return [
        replace(work(one), source=one.entry.source, target=one.entry.target, line=partial(line, one.entry))
        for one in pictures
    ]


def order(provider: CaptionProvider, path: Path) -> str | None:
    """The key that the caption of a picture is bought under."""
    return provider.purchase_key(sha256_pixels(load_rgb(path)))


def awaited_works(run: Run, ids: Iterable[str]) -> list[Work]:
    """The work of images that are still to be made and whose caption a person wrote; they may be rated either way."""
    folder, found = run.paths.captions_override, list[Work]()
    for image in ids:
        names = [f"{image}{tail}{SUFFIX}" for tail in ("-sfw-enhanced", "-review-enhanced", "")]
        if path := next((path for name in names if (path := folder / name).is_file()), None):
            found.append(override_work(image, path.read_bytes(), trigger=run.persona.trigger))
    return found


def override_work(image: str, override: bytes, *, trigger: str, replaced: str | None = None) -> Work:
    """The work of taking over a caption that a person wrote; the image is not looked at."""

    def make() -> Made:
        return _made(read_override(override, trigger=trigger, replaced=replaced), OVERRIDE, 0.0)

    key = override_key(override, trigger=trigger, replaced=replaced)
    return Work(id=image, key=key, make=make)


def caption_entry(entry: Entry, item: Item, file: str) -> Entry:
    """The manifest line of a caption: its image's, with the text, and the text file's name and digest."""
    return entry.next(
        file=file,
        sha256=item.files[TEXT].sha256,
        provider=item.record["provider"],
        cost_usd=item.record["cost_usd"],
        text=item.record["text"],
    )


def _made(text: str, provider: str, cost_usd: float) -> Made:
    record: dict[str, Json] = {"text": text, "provider": provider, "cost_usd": cost_usd}
    return Made(files={TEXT: f"{text}\n".encode()}, record=record)
