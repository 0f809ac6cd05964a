"""Finds the pictures of a training set that differ between two revisions, and why."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from likeness.caption.text import OVERRIDE, OVERRIDE_FILE
from likeness.pipeline.manifest import natural
from likeness.pipeline.stage import BY_FOLDER
from likeness.settings import flatten
from likeness.versions.revision import WORKSPACE, Revision

What = Literal["added", "lost", "pixels", "caption"]

TRAINED = "lora_training"
PICTURES = tuple(folder for folder in BY_FOLDER if folder not in ("captions", TRAINED, "samples"))
"""The folders of a picture's way, in the order of the graph."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One picture that differs; `before` and `after` are its lines in the training set's manifest, and `cause` says
    which gate, setting, photograph or program did it."""

    id: str
    what: What
    cause: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two training sets beside each other: their sizes, and the pictures that differ in the order of their ids."""

    before: int
    after: int
    changes: tuple[Change, ...]
    training: str
    """Why the weights of both differ, too; empty where they are the same or one has none."""

    def count(self, what: What) -> int:
        """How many pictures changed so."""
        return sum(change.what == what for change in self.changes)


def difference(old: Revision, new: Revision) -> Difference:
    """Compare the training sets of two revisions.

    Raises:
        InputError: one of them has none, or it is not in DVC's cache.
    """
    before, after = old.folder(TRAINED).entries, new.folder(TRAINED).entries
    return Difference(
        before=len(before),
        after=len(after),
        changes=tuple(_changes(old, new, before, after)),
        training=_retrained(old, new),
    )


def _retrained(old: Revision, new: Revision) -> str:
    weights = old.paths.weights.as_posix()
    was, now = old.outs.get(weights), new.outs.get(weights)
    return "" if None in (was, now) or was == now else _reason(old, new, "train") or "other inputs"


def _changes(
    old: Revision, new: Revision, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Change]:
    for name in sorted({*before, *after}, key=natural):
        was, now = before.get(name), after.get(name)
        if was is None:
            yield Change(id=name, what="added", cause=_absent(old, new, after[name], before=True), after=now)
        elif now is None:
            yield Change(id=name, what="lost", cause=_absent(old, new, was, before=False), before=was)
        elif was["sha256"] != now["sha256"]:
            yield Change(id=name, what="pixels", cause=_redrawn(old, new, name), before=was, after=now)
        elif was.get("text") != now.get("text"):
            yield Change(id=name, what="caption", cause=_recaptioned(old, new, name), before=was, after=now)


def _recaptioned(old: Revision, new: Revision, name: str) -> str:
    """Why a picture has another text; who wrote each is in the captions' own manifest, the training set's names its own maker."""
    was, now = (one.folder("captions").entries.get(name, {}).get("provider") for one in (old, new))
    if now == OVERRIDE and was == OVERRIDE:
        return f"{OVERRIDE_FILE} is another one"
    if was and now and was != now:
        said = [OVERRIDE_FILE if one == OVERRIDE else one for one in (now, was)]
        return f"captioned by {said[0]} instead of {said[1]}"
    return _reason(old, new, "caption") or "another caption by the same settings"


def _absent(old: Revision, new: Revision, entry: Mapping[str, Any], *, before: bool) -> str:
    """Why a picture of the one revision is not in the other, which is the older one (`before`) or the newer."""
    lacks, has = (old, new) if before else (new, old)
    label = next((label for label in _labels(entry) if lacks.photo(label) is None), None)
    if label is not None:
        if refused := _refusal(lacks, has.photo(label), label):
            return _told(refused, old, new, "ingest", before=before)
        return f"photograph {label} is {'new' if before else 'gone'}"
    for name in (*PICTURES[1:], "captions", TRAINED):
        for failure in lacks.folder(name).failures:
            if failure["id"] == entry["id"]:
                return _told(failure, old, new, BY_FOLDER[name].name, before=before)
    if line := _more_skipped(has, lacks, entry):
        return _told(line, old, new, "swap", before=before)
    what = "it was not made before" if before else "it is not made any more"
    return _reason(old, new, "swap") or f"{what}: the pairs are chosen anew"


def _more_skipped(fewer: Revision, more: Revision, entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The line of several pairs of the picture's target, where it stands for more of them than at the other revision."""
    pairs = Counter[str]()
    for failure in fewer.folder("swapped").failures:
        if failure.get("target") == entry.get("target"):
            pairs[failure["reason"]] += failure.get("items", 1)
    for failure in more.folder("swapped").failures:
        items = failure.get("items", 1)
        if failure.get("target") == entry.get("target") and 1 < items > pairs[failure["reason"]]:
            return failure
    return None


def _labels(entry: Mapping[str, Any]) -> list[str]:
    """Of the photographs that the picture is made of."""
    return [label for label in (entry.get("source"), entry.get("target")) if label]


def _refusal(revision: Revision, photo: Mapping[str, Any] | None, label: str) -> Mapping[str, Any] | None:
    """How ingest refused a photograph at the revision: by its number, or by its file where it had none."""
    origin = photo and photo.get("origin")
    for failure in revision.folder("ingested").failures:
        if label in (failure.get("source"), failure.get("target")) or (
            origin and failure.get("origin") == origin
        ):
            return failure
    return None


def _told(failure: Mapping[str, Any], old: Revision, new: Revision, stage: str, *, before: bool) -> str:
    detail = failure["reason"] if before else f"{failure['reason']}, {failure['detail']}"
    told = f"{stage} {failure['kind']} {failure['id']}{' before' if before else ''} ({detail})"
    why = _reason(old, new, stage)
    return f"{told}; {why}" if why else told


def _redrawn(old: Revision, new: Revision, name: str) -> str:
    """The first stage at which the picture's bytes part, and why."""
    for folder in (*PICTURES, TRAINED):
        if _same(old, new, folder):
            continue
        was, now = old.folder(folder).entries.get(name), new.folder(folder).entries.get(name)
        if was and now and was["sha256"] != now["sha256"]:
            stage = BY_FOLDER[folder].name
            if folder == "ingested":
                return "the photograph has other bytes"
            if photos := _redone(old, new, now):
                return f"photograph {' and '.join(photos)} has other bytes"
            return f"{stage}: {_reason(old, new, stage) or 'its inputs differ'}"
    return "its photographs differ"


def _same(old: Revision, new: Revision, folder: str) -> bool:
    """Whether dvc.lock names the same files of a folder at both: then none of them has to be read."""
    path = old.paths.output(folder).as_posix()
    committed = WORKSPACE not in (old.name, new.name)  # the files here may be newer than their dvc.lock
    return committed and path in old.outs and old.outs[path] == new.outs.get(path)


def _redone(old: Revision, new: Revision, entry: Mapping[str, Any]) -> list[str]:
    """The labels of the picture's photographs that are there at both revisions with other pixels."""
    both = {label: (old.photo(label), new.photo(label)) for label in _labels(entry)}
    return [label for label, (was, now) in both.items() if was and now and was["sha256"] != now["sha256"]]


def _reason(old: Revision, new: Revision, stage: str) -> str:
    """The settings of a stage that differ, else its programs; empty where neither does."""
    was, now = flatten(old.settings(stage)), flatten(new.settings(stage))
    changed = [
        f"{name} {_short(was.get(name))} -> {_short(now.get(name))}"
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]
    if changed:
        return ", ".join(changed)
    code_was, code_now = old.programs(stage), new.programs(stage)
    code = [path for path in sorted({*code_was, *code_now}) if code_was.get(path) != code_now.get(path)]
    return f"other code: {', '.join(code)}" if code else ""


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
