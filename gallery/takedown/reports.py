"""A report: made without an account, decided within 48 hours, by the clock where nobody decides."""

import datetime
import uuid
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.accounts.mail import send_mail
from gallery.accounts.tries import TAKEDOWN_PLACE, count_try
from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.pictures.erasing import erase_gone
from gallery.pictures.leaving import leave
from gallery.pictures.looks import alike
from gallery.pictures.shares import find_share
from gallery.tables import Blocked, Person, Picture, Takedown, User

HOURS = 48
REMIND_HOURS_LEFT = (24, 12, 2)
Reason = Literal["portrayed", "minor", "rights", "other"]


def report(
    gallery: Gallery, token: str, place: str, name: str, email: str, reason: Reason, statement: str
) -> Takedown:
    """Take a report in, by the token of the link that showed the picture.

    Raises:
        RequestError: 404; 429.
    """
    count_try(gallery, TAKEDOWN_PLACE, place)
    now = gallery.clock()
    with gallery.transaction() as db:
        share = find_share(db, token)
        if share is None:
            raise not_there()
        made = Takedown(
            picture_id=share.picture_id,
            share_id=share.id,
            name=name,
            email=email,
            reason=reason,
            statement=statement,
            created=now,
            due=now + datetime.timedelta(hours=HOURS),
            withdrawn=0,
        )
        db.add(made)
        db.flush()
        note(db, now, "stranger", "reported", takedown=str(made.id), reason=reason)
    return made


def tell_of(gallery: Gallery, made: Takedown) -> None:
    """Tell the owners of a report that came in."""
    _tell_owners(gallery, "A picture was reported", f"Decide until {made.due:%Y-%m-%d %H:%M} UTC.")


def decide(
    gallery: Gallery, takedown_id: uuid.UUID, decision: Literal["remove", "keep"], by: str
) -> Takedown:
    """Withdraw the picture and all that look like it, and let nothing like it in again; or let it stay.

    Raises:
        RequestError: 404; 409 where it is decided.
    """
    with gallery.transaction() as db:
        one = db.get(Takedown, takedown_id, with_for_update=True)
        if one is None:
            raise not_there()
        if one.decided is not None:
            raise RequestError(409, "decided", "This was decided already.")
        _decide(db, gallery, one, decision, by)
    erase_gone(gallery)
    return one


def _decide(
    db: Session, gallery: Gallery, one: Takedown, decision: Literal["remove", "keep"], by: str
) -> None:
    now = gallery.clock()
    one.decided, one.decision, one.by = now, decision, by
    if decision == "remove":
        picture = db.get_one(Picture, one.picture_id)
        # A worker that stores a picture of this person is waited for: it looked for what is blocked before this was.
        db.scalars(select(Person.id).where(Person.id == picture.person_id).with_for_update()).one()
        found = alike(db, picture.pdq)
        one.withdrawn = leave(db, found, "taken-down", now).pictures
        db.add(Blocked(pdq=picture.pdq, person_id=picture.person_id, created=now))
    note(db, now, by, "takedown-decided", takedown=str(one.id), decision=decision, withdrawn=one.withdrawn)


def tick(gallery: Gallery) -> None:
    """What the clock does: reminders to the owners, again while the mail does not go, and what is overdue goes."""
    now = gallery.clock()
    reminded: dict[uuid.UUID, int] = {}
    with gallery.transaction() as db:
        for one in db.scalars(
            select(Takedown).where(Takedown.decided.is_(None)).with_for_update(skip_locked=True)
        ):
            if one.due <= now:
                _decide(db, gallery, one, "remove", "the clock")
                continue
            left = (one.due - now).total_seconds() / 3600
            passed = sum(left <= hours for hours in REMIND_HOURS_LEFT)
            if passed > one.reminders:
                reminded[one.id], one.reminders = one.reminders, passed
    erase_gone(gallery)
    if reminded and not _tell_owners(
        gallery, "Reports wait", f"{len(reminded)} reports wait for a decision."
    ):
        with gallery.transaction() as db:
            for which, before in reminded.items():
                db.get_one(Takedown, which, with_for_update=True).reminders = before


def _tell_owners(gallery: Gallery, subject: str, text: str) -> bool:
    """Whether somebody was told, or there is nobody."""
    with gallery.transaction() as db:
        owners = list(db.scalars(select(User.email).where(User.role == "owner", User.blocked.is_(False))))
    said = f"{text}\n\n{gallery.settings.public_url}/admin/takedowns\n"
    went = [send_mail(gallery.mailer, email, subject, said) for email in owners]
    return any(went) or not went
