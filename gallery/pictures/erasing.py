"""Out of sight first, in the transaction that decides it; then the files, as often as it takes."""

import datetime
import logging
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from gallery.context import Gallery
from gallery.tables import Picture
from likeness.errors import LikenessError

AT_ONCE = 200
log = logging.getLogger("gallery")


def take_out(pictures: Iterable[Picture], why: str, now: datetime.datetime) -> int:
    """Take pictures out of sight; gives how many were there. `why`: deleted, revoked, taken-down or lost."""
    count = 0
    for one in pictures:
        if one.gone is None:
            one.gone, one.why, count = now, why, count + 1
    return count


def erase_gone(gallery: Gallery) -> None:
    """Erase the files of all pictures that are gone. A store that does not answer, or for longer than a transaction may stay open,
    undoes nothing that was decided: what is left is tried the next time."""
    try:
        while _erase_some(gallery) == AT_ONCE:
            pass
    except (LikenessError, DBAPIError):
        log.exception("files of pictures that are gone are still in the store")


def _erase_some(gallery: Gallery) -> int:
    """How many pictures' files went.

    Raises:
        LikenessError: the store does not answer.
    """
    waiting = select(Picture).where(Picture.gone.is_not(None), Picture.erased.is_(None)).limit(AT_ONCE)
    with gallery.transaction() as db:
        pictures = list(db.scalars(waiting.with_for_update(skip_locked=True)))
        gallery.store.delete([name for one in pictures for name in (one.file, one.thumbnail)])
        for one in pictures:
            one.erased = gallery.clock()
    return len(pictures)
