"""The words around a description: the trigger, and people's own captions."""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from likeness.caption.allowed import ALLOWED_FILE, read_allowed
from likeness.digests import sha256_bytes
from likeness.dvc_files import links_to_cache
from likeness.errors import InputError, without_control
from likeness.git import CONFLICT
from likeness.lazy import LazyMap, Spool
from likeness.paths import same_name
from likeness.pipeline.manifest import Entry, Failure
from likeness.safety.gates import Subject, refuse

SUFFIX = ".txt"
LISTS = (ALLOWED_FILE, "refused.yaml")
"""Files of the folder that are no captions."""
MAX_BYTES = 100_000
MAX_LETTERS = 4_000
# What messages call the file: refusals are remembered by content, whatever it is called.
OVERRIDE_FILE = "its file in captions_override/"
OVERRIDE = "override"
"""The provider in the manifest of a caption that a person wrote."""


UNREAD_REMEDY = (
    "call it after an id of the manifest (jade-s1-t1.txt) or a photograph (IMG_1.jpg.txt), or delete it"
)


@dataclass(frozen=True)
class Override:
    """A caption that a person wrote: the file's bytes, and the ambiguous words that allowed.yaml allows in these bytes."""

    data: bytes
    allowed: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """As a person reads it, before any judgement."""
        return one_line(self.data.decode("utf-8-sig", "replace"))


def compose(trigger: str, class_word: str, description: str) -> str:
    """`jade woman, head and shoulders photo, ...`: the trigger first, where trainers keep tokens in place."""
    return f"{trigger} {class_word}, {one_line(description)}"


def one_line(text: str) -> str:
    """Text with single spaces and no line breaks, escape sequences or marks of direction, cut at MAX_LETTERS."""
    return " ".join(without_control(text).split())[:MAX_LETTERS]


def read_override(override: Override, *, trigger: str, replaced: str | None = None) -> str:
    """The caption a person wrote, on one line; `replaced` says that it was written about other bytes.

    Raises:
        InputError: it is no UTF-8 text, is empty, is in the midst of a merge, lacks the trigger as a word, has words that a
            gate refuses, or is of other bytes; refused.
    """
    if replaced is not None:
        remedy = "if it still fits, write the new sha256 into data/PERSONA/raw/numbers.yaml; else correct or delete it"
        raise _refused("of-other-bytes", f"was written for other bytes: {replaced}", remedy)
    try:
        written = override.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused("unreadable", "is not UTF-8 text", "save it as UTF-8") from error
    if CONFLICT.search(written):
        remedy = "keep one of the two captions, and delete the markers"
        raise _refused("in-conflict", "has the conflict markers of a merge", remedy)
    text = one_line(written)
    if not re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", text, re.IGNORECASE):
        raise _refused(
            "without-trigger",
            f"does not contain the trigger {trigger!r}" if text else "is empty",
            f"put {trigger!r} into it: a caption without it teaches nothing; or delete the file",
        )
    refuse("caption", Subject(text=text, allowed=override.allowed), what=OVERRIDE_FILE)
    return text


def _refused(reason: str, what: str, remedy: str) -> InputError:
    return InputError(f"{OVERRIDE_FILE} {what}", reason=f"override-{reason}", remedy=remedy, kind="refused")


def find_overrides(folder: Path, images: Iterable[Entry]) -> tuple[Mapping[str, Override], list[Failure]]:
    """The overrides by image id, and a line for each file that is not read.

    A file is called after the id (jade-s1-t1.txt), the image (jade-s1-t1-sfw-enhanced.txt, which wins) or the persona's own
    photograph (IMG_1.jpg.txt).

    Raises:
        ConfigError: allowed.yaml does not read.
    """
    found: dict[str, str] = {}
    failures: list[Failure] = []
    # Shorter names first, so that the image's own name overwrites the id's.
    present = sorted(os.listdir(folder) if folder.is_dir() else (), key=lambda name: (len(name), name))
    names = _named({_stem(name) for name in present if name.endswith(SUFFIX)}, images)
    for name in present:
        path = folder / name
        is_hidden = name.startswith(".") and path.suffix.lower() != SUFFIX
        if is_hidden or path.stem.lower() == "readme" or name in LISTS:
            continue
        image = names.get(_stem(name)) if name.endswith(SUFFIX) else None
        if image is None or not _is_caption(path):
            failures.append(_unread(path, _why_unread(path)))
        else:
            if (other := found.get(image)) is not None:
                failures.append(_unread(folder / other, f"{name} is for the same image, and wins"))
            found[image] = name
    # As they are now, whatever is written while the stage runs.
    read, numbers = Spool[Override](), dict[str, int]()
    for image, name in found.items():
        if override := override_at(folder / name):
            numbers[image] = len(read)
            read.append(override)
    return LazyMap(numbers, lambda image: read[numbers[image]]), failures


def _stem(name: str) -> str:
    return same_name(name).removesuffix(SUFFIX)


def _named(wanted: Collection[str], images: Iterable[Entry]) -> dict[str, str]:
    """The images that files of these names are called after. A later kind of name counts more, whichever image has it."""
    found: dict[str, tuple[int, str]] = {}
    for entry in images if wanted else ():
        for kind, name in enumerate(override_names(entry)):
            if name is not None and name in wanted and kind >= found.get(name, (0, ""))[0]:
                found[name] = kind, entry.id
    return {name: image for name, (_, image) in found.items()}


def override_names(entry: Entry) -> tuple[str | None, str, str]:
    """What the file of an image's caption may be called, without its suffix: after the persona's own photograph, the
    image, the id."""
    own = same_name(entry.origin) if entry.origin and entry.target is None else None
    return own, Path(entry.file).stem, entry.id


def override_at(path: Path) -> Override | None:
    """What a person wrote to captions_override/, and what is allowed in it; None where no such file of a caption's size is.

    Raises:
        ConfigError: allowed.yaml does not read.
    """
    return override_of(path, path.read_bytes()) if _is_caption(path) else None


def _is_caption(path: Path) -> bool:
    linked = path.is_symlink() and not links_to_cache(path)
    return not linked and path.is_file() and path.stat().st_size <= MAX_BYTES


def override_of(path: Path, data: bytes) -> Override:
    """What a file of these bytes at `path` says, with what allowed.yaml allows in it.

    Raises:
        ConfigError: allowed.yaml does not read.
    """
    allowance = read_allowed(path.parent).get(same_name(path.name))
    fits = allowance is not None and allowance.sha256 == sha256_bytes(data)
    return Override(data, frozenset(allowance.words) if allowance and fits else frozenset())


def _why_unread(path: Path) -> str:
    if path.is_dir():
        return "it is a folder, and only files of captions_override/ itself are read"
    if path.is_symlink():
        return "it is a link, and only files themselves are read"
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        return f"it is larger than {MAX_BYTES} bytes, which no caption is"
    if not path.name.endswith(SUFFIX):
        return f"its name does not end in {SUFFIX} (in small letters), so nothing uses it"
    return "it is called after no enhanced image, so nothing uses it"


def _unread(path: Path, detail: str) -> Failure:
    shown = os.fsencode(path.name).decode("utf-8", "backslashreplace")
    return Failure(
        id=shown,
        kind="skipped",
        reason="override-unknown",
        detail=f"{shown}: {detail}",
        remedy=UNREAD_REMEDY,
        items=0,
    )
