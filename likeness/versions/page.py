"""The page of a difference: pictures before and after, side by side; one HTML file that needs no network and no script."""

from collections.abc import Mapping
from typing import Any

from likeness.formatting import render
from likeness.marks.xmp import source_type
from likeness.pipeline.verified import why_not_shown
from likeness.report.pictures import Album, Picture
from likeness.versions.changes import TRAINED, Change, Difference
from likeness.versions.revision import Revision

WIDTH_PX = 240
MAX_BYTES = 20_000_000


def page(old: str, new: str, found: Mapping[str, Difference]) -> str:
    """The HTML; equal inputs give equal text. What does not fit stands there without its picture."""
    album = Album(quality=82, max_bytes=MAX_BYTES, synthetic=False)
    rows = {
        name: [
            (change, _picture(album, was, change, change.before), _picture(album, now, change, change.after))
            for change in one.changes
        ]
        for name, one in found.items()
        for was, now in [(Revision(old, name), Revision(new, name))]
    }
    values = {"old": old, "new": new, "found": found, "rows": rows, "left_out": album.left_out}
    return render("likeness.report", "diff.html.j2", html=True, **values)


def _picture(
    album: Album, revision: Revision, change: Change, entry: Mapping[str, Any] | None
) -> Picture | None:
    if entry is None or why_not_shown(entry["file"], entry.get("rating", "")):
        return None
    # An older revision's consent record is not at hand: that a person is synthetic is not said here.
    code = source_type(swapped=entry.get("target") is not None, neural=entry.get("neural"), synthetic=False)
    path, alt = revision.folder(TRAINED).file(entry["file"]), f"{change.id} at {revision.name}"
    return album.file(path, alt, width_px=WIDTH_PX, code=code)
