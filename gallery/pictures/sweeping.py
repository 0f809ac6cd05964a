"""Files without a line and lines without a file: what a kill between the two leaves behind, and what a store lost."""

import logging
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select

from gallery.audit import note
from gallery.context import Gallery
from gallery.generation.ending import give_back, is_free
from gallery.generation.finish import thumbnail
from gallery.pictures.erasing import erase_gone
from gallery.pictures.leaving import leave
from gallery.tables import ENDED, Generation, Picture
from likeness.errors import LikenessError
from likeness.images import decode_rgb

OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/\d+\.(?:png|jpg)(?:\.[0-9a-f]{32})?")
"""A picture's file, or one that was half written."""
AT_ONCE = 500
log = logging.getLogger("gallery")


@dataclass(kw_only=True)
class Swept:
    """What was found: files deleted that belonged to no picture, thumbnails made anew, and, by name, files of wishes that this
    database does not know and pictures whose file is not there. The last two are dealt with only where it was asked for: a
    wrong database or bucket would otherwise cost every picture."""

    deleted: int = 0
    thumbnails: int = 0
    unknown: list[str] = field(default_factory=list[str])
    lost: list[uuid.UUID] = field(default_factory=list[uuid.UUID])


def sweep(gallery: Gallery, *, all_of_it: bool = False) -> Swept:
    """Bring store and database together again. With `all_of_it` unknown files go too, and pictures without a file leave the
    gallery and are given back.

    Raises:
        LikenessError: the store does not answer; nothing was decided.
    """
    found = Swept()
    by_wish: dict[uuid.UUID, list[str]] = {}
    there: set[str] = set()
    for name in gallery.store.names(""):
        if match := OURS.fullmatch(name):
            by_wish.setdefault(uuid.UUID(match[1]), []).append(name)
            there.add(name)
    for some in _parts(sorted(by_wish)):
        _files(gallery, found, {one: by_wish[one] for one in some})
    _lines(gallery, found, there)
    if all_of_it:
        gallery.store.delete(found.unknown)
        for one in found.lost:
            _give_up(gallery, one)
        erase_gone(gallery)
    return found


def _files(gallery: Gallery, found: Swept, by_wish: dict[uuid.UUID, list[str]]) -> None:
    """Delete what belongs to no picture. A wish under way is left alone: its next picture takes the file's place. Nobody stores
    a picture of one that has ended, whose line is locked meanwhile."""
    with gallery.transaction() as db:
        wishes = select(Generation).where(Generation.id.in_(by_wish)).order_by(Generation.id)
        known = {one.id: one.status for one in db.scalars(wishes.with_for_update())}
        kept: set[str] = set()
        for one in db.scalars(
            select(Picture).where(Picture.generation_id.in_(by_wish), Picture.erased.is_(None))
        ):
            kept |= {one.file, one.thumbnail}
        for wish, names in by_wish.items():
            if wish not in known:
                found.unknown += names
            elif known[wish] in ENDED and (left := [name for name in names if name not in kept]):
                gallery.store.delete(left)
                found.deleted += len(left)


def _lines(gallery: Gallery, found: Swept, there: set[str]) -> None:
    """Look for the files of every picture that is here; one that was drawn after the list was made is asked for by itself."""
    with gallery.transaction() as db:
        here = db.execute(
            select(Picture.id, Picture.generation_id, Picture.index).where(Picture.gone.is_(None))
        ).all()
    for picture_id, wish, index in here:
        name = f"{wish}/{index}"
        if {f"{name}.png", f"{name}.jpg"} <= there:
            continue
        if gallery.store.size(f"{name}.png") is None:
            found.lost.append(picture_id)
        elif gallery.store.size(f"{name}.jpg") is None and _thumbnail(gallery, name):
            found.thumbnails += 1


def _thumbnail(gallery: Gallery, name: str) -> bool:
    data = gallery.store.read(f"{name}.png")
    try:
        small = thumbnail(decode_rgb(data or b"", name=f"{name}.png"))
    except LikenessError as error:
        log.error("%s", error)
        return False
    gallery.store.write(f"{name}.jpg", small)
    return True


def _give_up(gallery: Gallery, picture_id: uuid.UUID) -> None:
    """Take a picture whose file is not there out of sight and give back what it cost."""
    with gallery.transaction() as db:
        picture = db.get(Picture, picture_id, with_for_update=True)
        if picture is None or picture.gone is not None or gallery.store.size(picture.file) is not None:
            return
        leave(db, [picture], "lost", gallery.clock())
        wish = db.get_one(Generation, picture.generation_id, with_for_update=True)
        give_back(db, gallery, wish, 1, free=is_free(db, picture))
        note(db, gallery.clock(), "operator", "picture-lost", picture=str(picture.id))


def _parts(all_of: list[uuid.UUID]) -> Iterable[list[uuid.UUID]]:
    return (all_of[begin : begin + AT_ONCE] for begin in range(0, len(all_of), AT_ONCE))
