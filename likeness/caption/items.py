"""One image through the caption stage: its key, its work and its manifest line."""

from pathlib import Path

from likeness.caption import Captioner, CaptionProvider
from likeness.caption.text import compose, read_override
from likeness.images import load_rgb
from likeness.pipeline.batch import Made, Work
from likeness.pipeline.manifest import Entry
from likeness.safety.gates import Subject, refuse
from likeness.store.items import Item, Json, item_key, sha256_bytes

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


def override_key(override: bytes, *, trigger: str) -> str:
    """The key of a caption that a person wrote."""
    return item_key("caption-override", CAPTION_VERSION, {"trigger": trigger}, [sha256_bytes(override)])


def caption_work(
    entry: Entry,
    folder: Path,
    provider: CaptionProvider,
    captioner: Captioner,
    *,
    trigger: str,
    class_word: str,
) -> Work:
    """The work of describing one image in `folder`."""
    key = caption_key(entry, provider, trigger=trigger, class_word=class_word)

    def make() -> Made:
        described = captioner.describe(
            load_rgb(folder / entry.file), swapped=entry.target is not None, item=entry.id
        )
        refuse("caption", Subject(text=described.text), what=f"the caption of {entry.file}")
        return _made(compose(trigger, class_word, described.text), provider.name, described.cost_usd)

    return Work(id=entry.id, key=key, make=make, source=entry.source, target=entry.target)


def override_work(entry: Entry, override: bytes, *, trigger: str) -> Work:
    """The work of taking over a caption that a person wrote; the image is not looked at."""

    def make() -> Made:
        return _made(read_override(override, trigger=trigger), OVERRIDE, 0.0)

    key = override_key(override, trigger=trigger)
    return Work(id=entry.id, key=key, make=make, source=entry.source, target=entry.target)


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
