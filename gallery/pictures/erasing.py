"""Out of sight first, in the transaction that decides it; then the files, as often as it takes."""

import datetime
from collections.abc import Iterable

from sqlalchemy import select

from gallery.context import Gallery
from gallery.tables import Picture

AT_ONCE = 200


def take_out(pictures: Iterable[Picture], why: str, now: datetime.datetime) -> int:
    """Take pictures out of sight; gives how many were there. `why`: deleted, revoked, taken-down or lost."""
    count = 0
    for one in pictures:
        if one.gone is None:
            one.gone, one.why, count = now, why, count + 1
    return count


def erase_gone(gallery: Gallery) -> int:
    """Erase the files of all pictures that are gone; gives how many files went. What fails is tried the next time."""
    files = 0
    while True:
        with gallery.transaction() as db:
            waiting = (
                select(Picture).where(Picture.gone.is_not(None), Picture.erased.is_(None)).limit(AT_ONCE)
            )
            pictures = list(db.scalars(waiting.with_for_update(skip_locked=True)))
            names = [name for one in pictures for name in (one.file, one.thumbnail)]
            gallery.store.delete(names)
            for one in pictures:
                one.erased = gallery.clock()
            files += len(names)
        if len(pictures) < AT_ONCE:
            return files
