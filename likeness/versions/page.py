"""The page of a difference: pictures before and after, side by side; one HTML file that needs no network and no script."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from likeness.formatting import render
from likeness.marks.xmp import source_type
from likeness.report.pictures import Album, Picture
from likeness.versions.changes import TRAINED, Change, Difference
from likeness.versions.revision import Revision

WIDTH_PX = 240
MAX_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture that differs, with what there is to see of it."""

    change: Change
    before: Picture | None
    after: Picture | None


def page(old: str, new: str, found: Mapping[str, Difference]) -> str:
    """The HTML; equal inputs give equal text. What does not fit stands there without its picture."""
    album = Album(quality=82, max_bytes=MAX_BYTES, synthetic=False)
    personas = {
        name: [_row(album, Revision(old, name), Revision(new, name), change) for change in one.changes]
        for name, one in found.items()
    }
    return render(
        "likeness.report",
        "diff.html.j2",
        html=True,
        old=old,
        new=new,
        found=found,
        rows=personas,
        left_out=album.left_out,
    )


def _row(album: Album, old: Revision, new: Revision, change: Change) -> Row:
    return Row(
        change=change,
        before=_picture(album, old, change.before, f"{change.id} at {old.name}"),
        after=_picture(album, new, change.after, f"{change.id} at {new.name}"),
    )


def _picture(album: Album, revision: Revision, entry: Mapping[str, Any] | None, alt: str) -> Picture | None:
    if entry is None:
        return None
    # An older revision's consent record is not at hand: that a person is synthetic is not said here.
    code = source_type(swapped=entry.get("target") is not None, neural=entry.get("neural"), synthetic=False)
    return album.file(revision.folder(TRAINED).file(entry["file"]), alt, width_px=WIDTH_PX, code=code)
