"""The words around a description: the trigger, and people's own captions."""

import re
from pathlib import Path

from likeness.errors import InputError
from likeness.pipeline.manifest import Entry, Failure
from likeness.safety.gates import Subject, refuse

SUFFIX = ".txt"
# What messages call the file: refusals are remembered by content, whatever it is called.
OVERRIDE_FILE = "its file in captions_override/"


def compose(trigger: str, class_word: str, description: str) -> str:
    """`jade woman, head and shoulders photo, ...`: the trigger first, where trainers keep tokens in place."""
    return f"{trigger} {class_word}, {one_line(description)}"


def one_line(text: str) -> str:
    """Text with single spaces and no line breaks."""
    return " ".join(text.split())


def read_override(data: bytes, *, trigger: str) -> str:
    """The caption a person wrote, on one line.

    Raises:
        InputError: it is no UTF-8 text, is empty, lacks the trigger as a word, or is explicit; refused.
    """
    try:
        text = one_line(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{OVERRIDE_FILE} is not UTF-8 text",
            reason="override-unreadable",
            remedy="save it as UTF-8",
            kind="refused",
        ) from error
    if not re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", text, re.IGNORECASE):
        raise InputError(
            f"{OVERRIDE_FILE} does not contain the trigger {trigger!r}",
            reason="override-without-trigger",
            remedy=f"put {trigger!r} into it: a caption without it teaches nothing; or delete the file",
            kind="refused",
        )
    refuse("caption", Subject(text=text), what=OVERRIDE_FILE)
    return text


def find_overrides(folder: Path, images: list[Entry]) -> tuple[dict[str, bytes], list[Failure]]:
    """The bytes of the overrides by image id, and a line for each file that belongs to no image.

    A file is called after the id (jade-s1-t1.txt) or the image (jade-s1-t1-sfw-enhanced.txt, which wins).
    """
    names = {Path(entry.file).stem: entry.id for entry in images} | {entry.id: entry.id for entry in images}
    found: dict[str, bytes] = {}
    failures: list[Failure] = []
    # Shorter names first, so that the image's own name overwrites the id's.
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: (len(path.name), path.name)):
        if (image := names.get(path.stem)) is None:
            failures.append(_unknown(path))
        else:
            found[image] = path.read_bytes()
    return found, failures


def _unknown(path: Path) -> Failure:
    return Failure(
        id=path.stem,
        kind="skipped",
        reason="override-unknown",
        detail=f"{path.name} is called after no enhanced image, so nothing uses it",
        remedy="call it after an id of the manifest (jade-s1-t1.txt), or delete it",
    )
