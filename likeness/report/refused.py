"""What was left out, as the template shows it: by stage and reason, with pictures where they may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.errors import InputError
from likeness.images import RGB
from likeness.ingest.decode import decode_photo
from likeness.ingest.limits import limits_of
from likeness.pipeline.manifest import Failure
from likeness.pipeline.stage import BY_FOLDER
from likeness.report.collect import Collected
from likeness.report.pictures import Album
from likeness.report.view import Figure, of_entry
from likeness.report.words import SHOWABLE, reason_words
from likeness.run import Run
from likeness.stage_input import judge_photograph

# A remedy may name its photograph: then there are as many as items, and the first few say it.
MAX_REMEDIES = 8


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One item that is not in the training set."""

    id: str
    detail: str
    figures: Sequence[Figure]


@dataclass(frozen=True, kw_only=True)
class RefusalGroup:
    """Items left out by one stage for one reason: how many, and how many lines of failures.jsonl beside those shown."""

    step: str
    kind: str
    reason: str
    remedies: Sequence[str]
    items: Sequence[Refusal]
    count: int
    more: int


def refusal_groups(run: Run, got: Collected, album: Album) -> list[RefusalGroup]:
    """Everything left out, by stage and reason; the first `report.max_refused` items have pictures, the first
    `report.max_rows` lines."""
    found: dict[tuple[str, str, str], list[Failure]] = {}
    for step, manifest in [*got.steps.items(), ("samples", got.samples)]:
        for failure in manifest.failures:
            found.setdefault((step, failure.kind, failure.reason), []).append(failure)
    groups: list[RefusalGroup] = []
    room, rows = run.config.report.max_refused, run.config.report.max_rows
    for (step, kind, reason), failures in found.items():
        items: list[Refusal] = []
        for failure in failures[:rows]:
            figures = _refused_figures(run, got, album, step, failure) if room > 0 else []
            room -= 1
            items.append(Refusal(id=failure.id, detail=failure.detail, figures=figures))
        rows -= len(items)
        groups.append(
            RefusalGroup(
                step=BY_FOLDER[step].title,
                kind=kind,
                reason=reason_words(reason),
                remedies=list(dict.fromkeys(failure.remedy for failure in failures))[:MAX_REMEDIES],
                items=items,
                count=sum(failure.items or 1 for failure in failures),
                more=len(failures) - len(items),
            )
        )
    return groups


def _refused_figures(run: Run, got: Collected, album: Album, step: str, failure: Failure) -> list[Figure]:
    """Pictures of what was left out: the raw photograph where it may be shown, or both sides of a pair."""
    width = run.config.report.thumb_px * 2 // 3
    if step == "ingested":
        folder = got.places.raw_targets if failure.target is not None else got.places.raw_sources
        named = failure.reason in SHOWABLE and failure.origin == Path(failure.origin or "").name != ""
        rgb = _raw_photo(run, folder / str(failure.origin)) if named else None
        return (
            []
            if rgb is None
            else [Figure(label="", picture=album.rgb(rgb, failure.id, width_px=width, code=album.code(None)))]
        )
    if step != "swapped" or "explicit" in failure.reason:
        return []
    photos = [got.photo(failure.source), got.photo(failure.target)]
    return [
        Figure(
            label=photo.source or photo.target or "", picture=of_entry(got, album, "ingested", photo, width)
        )
        for photo in photos
        if photo is not None
    ]


def _raw_photo(run: Run, path: Path) -> RGB | None:
    """Pixels of a user's photograph that was refused for a technical reason, or None when it cannot be read or, measured as it
    lies there now, must not be shown."""
    try:
        rgb = decode_photo(path, limits_of(run.config.ingest)).rgb
        judge_photograph(run, rgb, what=str(path))
    except InputError:
        return None
    return rgb
