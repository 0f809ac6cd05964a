"""One image through the caption stage: its key, its work and its manifest line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from likeness.caption import Captioner
from likeness.caption.text import OVERRIDE, SUFFIX, Override, compose, override_at, read_override
from likeness.digests import sha256_bytes, sha256_pixels
from likeness.lazy import Lazy
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import Picture
from likeness.providers import Provider
from likeness.run import Run
from likeness.safety.gates import Subject, refuse
from likeness.store.items import Item, Json
from likeness.store.keys import item_key

CAPTION_VERSION = 1
"""Raised whenever the same image and settings would give another text; providers have their own versions."""

TEXT = "caption.txt"


def caption_key(entry: Entry, provider: Provider[Captioner], *, trigger: str, class_word: str) -> str:
    """The key of one image's caption."""
    settings: dict[str, Json] = {
        "provider": provider.identity(),
        "trigger": trigger,
        "class_word": class_word,
        "swapped": entry.target is not None,
    }
    return item_key("caption", CAPTION_VERSION, settings, [entry.sha256])


def override_key(override: Override, *, trigger: str, replaced: str | None = None) -> str:
    """The key of a caption that a person wrote."""
    settings: dict[str, Json] = {"trigger": trigger}
    if replaced is not None:
        settings["replaced"] = replaced
    if override.allowed:
        settings["allowed"] = sorted(override.allowed)
    return item_key("caption-override", CAPTION_VERSION, settings, [sha256_bytes(override.data)])


def works(
    run: Run,
    pictures: Sequence[Picture],
    overrides: Mapping[str, Override],
    captioner: Captioner | None = None,
) -> Sequence[Work]:
    """The stage's work: a person's own words, or a caption an enhanced picture; without a captioner it can only be
    looked up."""

    def work(number: int) -> Work:
        one = pictures[number]
        return _work(one, run, overrides.get(one.entry.id), captioner)

    return Lazy(len(pictures), work)


def _work(picture: Picture, run: Run, override: Override | None, captioner: Captioner | None) -> Work:
    entry, provider = picture.entry, run.provider
    trigger, class_word = run.persona.trigger, run.persona.class_word

    def make() -> Made:
        assert captioner is not None, "a plan makes nothing"
        face, swapped = next(iter(entry.faces), None), entry.target is not None
        described = captioner.describe(picture.rgb(), face=face, swapped=swapped, item=entry.id)
        refuse("caption", Subject(text=described.text), what=f"the caption of {entry.file}")
        return _made(compose(trigger, class_word, described.text), provider.name, described.cost_usd)

    def order() -> str | None:
        return provider.purchase_key(sha256_pixels(picture.rgb()))

    def line(item: Item) -> Line:
        # Words that a later list refuses are refused in what an earlier run stored, too.
        subject = Subject(text=item.record["text"], allowed=override.allowed if override else frozenset())
        refuse("caption", subject, what=f"the caption of {entry.file}")
        name = f"{Path(entry.file).stem}{SUFFIX}"
        return caption_entry(entry, item, name), {name: TEXT}

    if override is not None:
        work = override_work(entry.id, override, trigger=trigger, replaced=entry.replaced)
    else:
        key = caption_key(entry, provider, trigger=trigger, class_word=class_word)
        work = Work(id=entry.id, key=key, make=make, order=order)
    return replace(work, source=entry.source, target=entry.target, line=line)


def awaited_works(run: Run, ids: Iterable[str]) -> list[Work]:
    """The work of images that are still to be made and whose caption a person wrote; they may be rated either way."""
    folder, found = run.paths.captions_override, list[Work]()
    for image in ids:
        names = [f"{image}{tail}{SUFFIX}" for tail in ("-sfw-enhanced", "-review-enhanced", "")]
        if override := next((read for name in names if (read := override_at(folder / name))), None):
            found.append(override_work(image, override, trigger=run.persona.trigger))
    return found


def override_work(image: str, override: Override, *, trigger: str, replaced: str | None = None) -> Work:
    """The work of taking over a caption that a person wrote; the image is not looked at."""

    def make() -> Made:
        made = _made(read_override(override, trigger=trigger, replaced=replaced), OVERRIDE, 0.0)
        return replace(made, record={**made.record, "allowed_words": sorted(override.allowed)})

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
        allowed_words=tuple(item.record.get("allowed_words", ())),
    )


def _made(text: str, provider: str, cost_usd: float) -> Made:
    record: dict[str, Json] = {"text": text, "provider": provider, "cost_usd": cost_usd}
    return Made(files={TEXT: f"{text}\n".encode()}, record=record)
