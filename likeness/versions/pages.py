"""The pages of comparisons, each one HTML file that needs no network. That of LoRAs: pictures of each prompt and seed side by side,
what differs, a table to sort (by the one script), curves. That of training sets: pictures before and after."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from likeness.evaluate.contact_sheet import NOT_DRAWN, in_place_of_picture
from likeness.evaluate.evaluation import at_one_strength
from likeness.formatting import format_score, percent, render
from likeness.marks.xmp import SourceType, source_type
from likeness.pipeline.verified import why_not_shown
from likeness.report.curves import Line, curves
from likeness.report.outcome import interval
from likeness.report.pictures import Album, Picture
from likeness.versions import comparison
from likeness.versions.changes import TRAINED, Change, Difference
from likeness.versions.comparison import Comparison, summary
from likeness.versions.revision import Revision
from likeness.versions.sides import Side

WIDTH_PX = 300
BEFORE_AFTER_PX = 240
MAX_BYTES = 20_000_000
MAX_COLUMNS = 8
"""Settings that are columns of the table to sort; all of them stand below it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table: its head, and (what is shown, what is sorted by) of each side."""

    head: str
    cells: Sequence[tuple[str, str]]
    number: bool = True


def comparison_page(comparisons: Sequence[Comparison]) -> str:
    """The HTML; equal inputs give equal text. Pictures that do not fit are left out and counted."""
    album = Album(quality=84, max_bytes=MAX_BYTES, synthetic=False)
    script = resources.files("likeness.report").joinpath("templates/sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "likeness.report",
        "comparison.html.j2",
        html=True,
        comparisons=comparisons,
        rows=[_rows(one, album) for one in comparisons],
        columns=[_columns(one) for one in comparisons],
        losses=curves(
            [_line(n, side, side.losses).smooth() for n, side in _numbered(comparisons[0])], "Loss by step"
        ),
        likenesses=curves(
            [_line(n, side, _by_step(side)) for n, side in _numbered(comparisons[0])], "Similarity by step"
        ),
        words=comparison,
        left_out=album.left_out,
        script=Markup(script),
        script_digest=digest,
    )


def _numbered(one: Comparison) -> list[tuple[int, Side]]:
    return list(enumerate(one.sides, start=1))


def _line(number: int, side: Side, points: Sequence[tuple[float, float]]) -> Line:
    return Line(number=number, label=side.name, points=points)


def _by_step(side: Side) -> list[tuple[float, float]]:
    return [(one["step"], one["similarity"]) for one in at_one_strength(side.details or {})]


def _rows(one: Comparison, album: Album) -> list[dict[str, Any]]:
    """What each side drew of a prompt and seed, or the words that stand there instead. The prompts with the name come first, seed
    by seed; what only some sides drew stands there with gaps."""
    samples = [
        {
            (sample["prompt"], sample["seed"]): sample
            for sample in (side.details or {})["samples"]
            if sample["lora"]
        }
        for side in one.sides
    ]
    named = {prompt for side in one.sides for prompt in (side.details or {})["named"]}
    places = list(dict.fromkeys(place for found in samples for place in found))
    places.sort(key=lambda place: place[0] not in named)
    rows: list[dict[str, Any]] = []
    for place in places:
        drawn = zip(_numbered(one), samples, strict=True)
        cells = [_cell(number, side, found.get(place), album) for (number, side), found in drawn]
        rows.append({"prompt": place[0], "seed": place[1], "cells": cells})
    return rows


def _cell(number: int, side: Side, sample: Any, album: Album) -> dict[str, Any]:
    picture, why = None, NOT_DRAWN
    if sample and not (why := why_not_shown(sample["file"], sample["rating"])):
        alt = f"Drawn by {side.name}: {sample['prompt']}, seed {sample['seed']}"
        picture = album.file(side.picture(sample["file"]), alt, width_px=WIDTH_PX, code=SourceType.TRAINED)
    instead = in_place_of_picture(why or "the page is full")
    similarity = format_score(sample and sample["similarity"])
    return {"number": number, "picture": picture, "instead": instead, "similarity": similarity}


def _columns(one: Comparison) -> list[Column]:
    found = [summary(side.details or {}) for side in one.sides]
    labels = {by["key"]: by["label"] for by in (one.sides[0].details or {})["measures"]["embedders"]}
    columns: dict[str, list[tuple[str, float | None]]] = {}
    for key, label in labels.items():
        unknown = {"value": None, "low": None, "high": None}
        shares = [side["share"].get(key, unknown) for side in found]
        columns[f"share, {label}"] = [(percent(s["value"]) + interval(s), s["value"]) for s in shares]
        told = [side["recognised"].get(key, [0, 0]) for side in found]
        columns[f"recognised, {label}"] = [(f"{n} of {of}", n / of if of else None) for n, of in told]
        columns[f"leak, {label}"] = [(percent(leak := side["leak"].get(key)), leak) for side in found]
    copied = [side["copied"] for side in found]
    columns["copied"] = [("-" if value is None else str(value), value) for value in copied]
    columns["adherence"] = [(percent(side["adherence"]), side["adherence"]) for side in found]
    measured = [
        Column(head=head, cells=[(text, _number(value)) for text, value in cells])
        for head, cells in columns.items()
    ]
    settings = [
        Column(head=name, cells=[(value, value) for value in values], number=all(map(_is_number, values)))
        for name, values in one.settings[:MAX_COLUMNS]
    ]
    return measured + settings


def _number(value: float | None) -> str:
    """What the script sorts by; what is not known comes last."""
    return "" if value is None else repr(float(value))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "-"
    return True


def difference_page(old: str, new: str, found: Mapping[str, Difference]) -> str:
    """The HTML; equal inputs give equal text. What does not fit stands there without its picture."""
    album = Album(quality=82, max_bytes=MAX_BYTES, synthetic=False)
    rows = {
        name: [
            (
                change,
                _trained_picture(album, was, change, change.before),
                _trained_picture(album, now, change, change.after),
            )
            for change in one.changes
        ]
        for name, one in found.items()
        for was, now in [(Revision(old, name), Revision(new, name))]
    }
    values = {"old": old, "new": new, "found": found, "rows": rows, "left_out": album.left_out}
    return render("likeness.report", "diff.html.j2", html=True, **values)


def _trained_picture(
    album: Album, revision: Revision, change: Change, entry: Mapping[str, Any] | None
) -> Picture | None:
    if entry is None or why_not_shown(entry["file"], entry.get("rating", "")):
        return None
    # An older revision's consent record is not at hand: that a person is synthetic is not said here.
    code = source_type(swapped=entry.get("target") is not None, neural=entry.get("neural"), synthetic=False)
    path, alt = revision.folder(TRAINED).file(entry["file"]), f"{change.id} at {revision.name}"
    return album.file(path, alt, width_px=BEFORE_AFTER_PX, code=code)
