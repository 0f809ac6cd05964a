"""What was left out, as the template shows it: by stage and reason, with pictures where they may be shown."""

from array import array
from pathlib import Path
from typing import Any

from likeness.errors import InputError
from likeness.images import RGB
from likeness.ingest.decode import decode_photo
from likeness.ingest.limits import limits_of
from likeness.lazy import chosen
from likeness.pipeline.manifest import Failure
from likeness.pipeline.stage import BY_FOLDER
from likeness.report.view import Figure, Figures
from likeness.report.words import SHOWABLE
from likeness.run import Run
from likeness.stage_input import judge_photograph

# A remedy may name its photograph: then there are as many as items, and the first few say it.
MAX_REMEDIES = 8


def refusal_groups(run: Run, figures: Figures) -> list[dict[str, Any]]:
    """Everything left out, by stage and reason: how many items, and how many lines of failures.jsonl beside those shown. The first
    `report.max_refused` items have pictures, the first `report.max_rows` lines."""
    got = figures.got
    found: dict[tuple[str, str, str], array[int]] = {}
    manifests = {**got.steps, "samples": got.samples}
    for step, manifest in manifests.items():
        for number, failure in enumerate(manifest.failures):
            found.setdefault((step, failure.kind, failure.reason), array("q")).append(number)
    groups: list[dict[str, Any]] = []
    room, rows = figures.cfg.max_refused, figures.cfg.max_rows
    for (step, kind, reason), numbers in found.items():
        failures = chosen(manifests[step].failures, numbers)
        items: list[dict[str, Any]] = []
        for failure in failures[:rows]:
            shown = _refused_figures(run, figures, step, failure) if room > 0 else []
            room -= 1
            items.append({"id": failure.id, "detail": failure.detail, "figures": shown})
        rows -= len(items)
        groups.append(
            {
                "step": BY_FOLDER[step].title,
                "kind": kind,
                "reason": reason.replace("-", " ").capitalize(),
                "remedies": list(dict.fromkeys(failure.remedy for failure in failures))[:MAX_REMEDIES],
                "items": items,
                "count": sum(failure.items or 1 for failure in failures),
                "more": len(failures) - len(items),
            }
        )
    return groups


def _refused_figures(run: Run, figures: Figures, step: str, failure: Failure) -> list[Figure]:
    """Pictures of what was left out: the raw photograph where it may be shown, or both sides of a pair."""
    got, album, width = figures.got, figures.album, figures.cfg.thumb_px * 2 // 3
    if step == "ingested":
        folder = got.places.raw_targets if failure.target is not None else got.places.raw_sources
        named = failure.reason in SHOWABLE and failure.origin == Path(failure.origin or "").name != ""
        if not named or (rgb := _raw_photo(run, folder / str(failure.origin))) is None:
            return []
        picture = album.rgb(rgb, failure.id, width_px=width, code=album.code(None))
        return [Figure(label="", picture=picture)]
    if step != "swapped" or "explicit" in failure.reason:
        return []
    return [
        Figure(label=label or "", picture=figures.of_entry("ingested", photo, width))
        for label in (failure.source, failure.target)
        if (photo := got.photo(label)) is not None
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
