"""How pictures go: out of sight with their shares and albums in one transaction, then their files, and a receipt of it."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from gallery.audit import note
from gallery.context import Gallery
from gallery.generation.request import own_picture
from gallery.pictures.erasing import erase_gone, take_out
from gallery.tables import AlbumPicture, Picture, Receipt, Share, User


@dataclass(frozen=True, kw_only=True)
class Left:
    """How many pictures went, and how many links to them."""

    pictures: int
    shares: int


def leave(db: Session, pictures: Sequence[Picture], why: str, now: datetime.datetime) -> Left:
    """Take pictures out of sight, out of albums, and end their links."""
    ids = [one.id for one in pictures]
    db.execute(delete(AlbumPicture).where(AlbumPicture.picture_id.in_(ids)))
    links = update(Share).where(Share.picture_id.in_(ids), Share.ended.is_(None)).values(ended=now)
    ended = cast("CursorResult[Any]", db.execute(links)).rowcount
    return Left(pictures=take_out(pictures, why, now), shares=ended)


def delete_picture(gallery: Gallery, user: User, picture_id: uuid.UUID) -> dict[str, Any]:
    """Delete a picture of the user's; gives the receipt, which says what the file was.

    Raises:
        RequestError: 404.
    """
    now = gallery.clock()
    with gallery.transaction() as db:
        picture = own_picture(db, user, picture_id, lock=True)
        left = leave(db, [picture], "deleted", now)
        data = {"picture": str(picture.id), "sha256": picture.sha256, "shares": left.shares}
        receipt = Receipt(id=uuid.uuid4(), kind="deletion", at=now, data=data)
        db.add(receipt)
        note(db, now, user.email, "picture-deleted", **data)
    erase_gone(gallery)
    with gallery.transaction() as db:
        erased = db.get_one(Picture, picture_id).erased is not None
    return {"receipt": receipt.id, "at": now, "erased": erased, **data}
