"""Links to one picture for people without an account."""

import datetime
import secrets
import uuid
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gallery.accounts.tokens import digest
from gallery.accounts.tries import SHARE_MADE, SHARE_OPENED, SHARE_PASSWORD, count_try, take_back_try
from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, not_allowed, not_there
from gallery.generation.request import own_picture
from gallery.tables import Person, Picture, Share, Takedown, User

HOLDING = ("portrayed", "minor")
"""Reasons of a report that is believed until it is decided."""


def share(
    gallery: Gallery, user: User, picture_id: uuid.UUID, hours: int, password: str | None
) -> tuple[Share, str]:
    """A new link; its token is told once.

    Raises:
        RequestError: 404; 403 for a guest; 429.
    """
    if not _may_share(user):
        raise not_allowed("Guests share no pictures.")
    count_try(gallery, SHARE_MADE, str(user.id))
    token, now = secrets.token_urlsafe(24), gallery.clock()
    kept = gallery.passwords.hash(password, email="") if password else None
    with gallery.transaction() as db:
        picture = own_picture(db, user, picture_id)
        made = Share(
            picture_id=picture.id,
            user_id=user.id,
            token_sha256=digest(token),
            password=kept,
            created=now,
            expires=now + datetime.timedelta(hours=hours),
        )
        db.add(made)
        db.flush()
        note(db, now, user.email, "shared", picture=str(picture.id), share=str(made.id))
    return made, token


def _may_share(user: User) -> bool:
    return user.role != "guest" and not user.blocked


def end_share(gallery: Gallery, user: User, share_id: uuid.UUID) -> None:
    """End a link of the user's at once.

    Raises:
        RequestError: 404.
    """
    own = update(Share).where(Share.id == share_id, Share.user_id == user.id, Share.ended.is_(None))
    with gallery.transaction() as db:
        if db.execute(own.values(ended=gallery.clock()).returning(Share.id)).scalar_one_or_none() is None:
            raise not_there()


def shared(gallery: Gallery, token: str, password: str | None) -> tuple[Picture, Person]:
    """What a link shows.

    Raises:
        RequestError: 404 for a link that never was, ended, expired or is held, whose maker may share no more, or of a person without
            a consent in force; 401 without its password; 429.
    """
    with gallery.transaction() as db:
        found = find_share(db, token)
        if found is None or found.ended or found.expires <= gallery.clock() or held(db, [found.picture_id]):
            raise not_there()
        picture = db.get_one(Picture, found.picture_id)
        person = db.get_one(Person, picture.person_id)
        if (
            picture.gone is not None
            or person.ended is not None
            or person.lapsed is not None
            or not _may_share(db.get_one(User, found.user_id))
        ):
            raise not_there()
    if found.password is not None:
        if password is None:
            raise RequestError(
                401, "password", "This picture has a password.", remedy="Ask whoever sent the link."
            )
        count_try(gallery, SHARE_OPENED, found.token_sha256)
        count_try(gallery, SHARE_PASSWORD, found.token_sha256)
        if not gallery.passwords.is_right(found.password, password):
            raise RequestError(401, "password", "This is not the password.", remedy="Try again.")
        take_back_try(gallery, SHARE_PASSWORD, found.token_sha256)
    return picture, person


def held(db: Session, picture_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Of which pictures no link shows anything, whoever made it and whenever, until every such report on them is decided."""
    of_these = select(Takedown.picture_id).where(
        Takedown.picture_id.in_(picture_ids), Takedown.decided.is_(None), Takedown.reason.in_(HOLDING)
    )
    return set(db.scalars(of_these))


def find_share(db: Session, token: str) -> Share | None:
    """The link of this token, whatever became of it."""
    return db.scalar(select(Share).where(Share.token_sha256 == digest(token)))
