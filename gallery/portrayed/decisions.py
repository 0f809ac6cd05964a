"""What the person portrayed decides: less, or nothing more. Nobody takes it back."""

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, invalid
from gallery.generation.ending import end
from gallery.generation.work import STOPPED
from gallery.people.layout import take_out
from gallery.people.presets import KINDS
from gallery.people.rights import charged_of, day_begin
from gallery.pictures.erasing import erase_gone
from gallery.pictures.leaving import leave
from gallery.portrayed.links import portrayed
from gallery.tables import ENDED, Generation, Person, Picture, Receipt, Revocation, Version
from likeness.errors import ConsentError, LikenessError

REVOKED, REPLACED = "consent-revoked", "consent-changed"
log = logging.getLogger("gallery")


def narrow(gallery: Gallery, token: str, kinds: list[str], per_day: int | None) -> Person:
    """Allow less: fewer kinds of prompt, fewer pictures a day. What is under way beyond it is cancelled.

    Raises:
        RequestError: 404; 422 where it would allow more than before.
    """
    with gallery.transaction() as db:
        person = portrayed(db, gallery, token, lock=True)
        before = list(KINDS) if person.kinds is None else person.kinds
        wider = person.per_day is not None and (per_day is None or per_day > person.per_day)
        if not set(kinds) <= set(before) or wider:
            raise invalid(
                "A page like this one only allows less than before.", "A wider consent is a new record."
            )
        person.kinds, person.per_day = [one for one in before if one in kinds], per_day
        waiting = _under_way(db, person)
        today, used = day_begin(gallery.clock()), charged_of(db, person, gallery.clock())
        used += sum(one.charged for one in waiting if one.created < today)
        for one in sorted(waiting, key=lambda one: one.created, reverse=True):  # the newest is let go first
            if one.prompt_kind not in kinds or (per_day is not None and used > per_day):
                before = one.charged
                end(db, gallery, one, "cancelled", STOPPED)
                used -= before - one.charged
        note(db, gallery.clock(), f"portrayed:{person.name}", "narrowed", kinds=person.kinds, per_day=per_day)
        return person


def revoke(gallery: Gallery, token: str, confirm: str) -> dict[str, Any]:
    """End everything: nothing new, every picture withdrawn from galleries, links and storage; gives the counted receipt.

    Raises:
        RequestError: 404; 422 where the name is not confirmed; 409 the second time, with the first receipt's id.
    """
    now = gallery.clock()
    with gallery.transaction() as db:
        person = portrayed(db, gallery, token, lock=True)
        if confirm != person.name:
            raise invalid(f"Type {person.name} to confirm.")
        if person.ended is not None:
            raise RequestError(409, "revoked", "This was revoked already.")
        receipt, pictures = _end(db, gallery, person, "the person portrayed", f"portrayed:{person.name}")
    return {"id": receipt.id, "at": now, **_finish(gallery, person, receipt, pictures)}


def _finish(
    gallery: Gallery, person: Person, receipt: Receipt, pictures: Sequence[Picture]
) -> dict[str, Any]:
    """What follows a revocation that is decided, as often as it takes; gives what the receipt then says."""
    try:
        gallery.records.revoke(person, receipt.at.date())
        listed = True
    except (OSError, LikenessError):
        log.exception(
            "the revocation of %s is not on likeness' own list; the gallery's holds", person.consent_id
        )
        listed = False
    return _erased(gallery, receipt, pictures, listed=listed)


def _finish_all(gallery: Gallery) -> None:
    """Finish revocations after which a program was killed, likeness' list could not be written, or the store did not answer."""
    said = Receipt.data
    left = (
        select(Receipt, Person)
        .join(Person, Person.consent_id == said["consent"].astext)
        .where(
            Receipt.kind == "revocation",
            or_(
                said["listed"].astext.is_distinct_from("true"),
                said["storage"].astext.is_distinct_from(said["withdrawn"].astext),
            ),
        )
    )
    with gallery.transaction() as db:
        found = [(row[0], row[1]) for row in db.execute(left)]
    for receipt, person in found:
        with gallery.transaction() as db:
            of_it = select(Picture).where(Picture.person_id == person.id, Picture.why == "revoked")
            pictures = list(db.scalars(of_it))
        _finish(gallery, person, receipt, pictures)


def heed(gallery: Gallery) -> int:
    """End everything of persons whose record was revoked elsewhere: on likeness' own list, by another machine, or before a backup
    was brought back that does not know of it. Gives how many persons that were. While there is no record in force for another
    reason (its term is over, it is not there), links to pictures of the person show nothing. What follows a revocation made here
    is finished, too."""
    _finish_all(gallery)
    with gallery.transaction() as db:
        people = list(db.scalars(select(Person).where(Person.ended.is_(None))))
    ended = 0
    for one in people:
        try:
            gallery.records.in_force(one)
        except ConsentError as error:
            if error.reason != REVOKED:  # with another record in force the person agreed anew
                _lapse(gallery, one, lapsed=error.reason != REPLACED)
                continue
        else:
            _lapse(gallery, one, lapsed=False)
            continue
        with gallery.transaction() as db:
            person = db.get_one(Person, one.id, with_for_update=True)
            if person.ended is not None:
                continue
            receipt, pictures = _end(db, gallery, person, "consent record", "consent record")
        _erased(gallery, receipt, pictures, listed=True)
        ended += 1
    return ended


def _lapse(gallery: Gallery, known: Person, *, lapsed: bool) -> None:
    if lapsed == (known.lapsed is not None):
        return  # every few seconds, and nothing to lock a row for
    with gallery.transaction() as db:
        person = db.get_one(Person, known.id, with_for_update=True)
        if lapsed != (person.lapsed is not None):
            person.lapsed = gallery.clock() if lapsed else None
            action = "consent-lapsed" if lapsed else "consent-back"
            note(db, gallery.clock(), "consent record", action, person=person.name)


def _end(db: Session, gallery: Gallery, person: Person, by: str, actor: str) -> tuple[Receipt, list[Picture]]:
    """Take all of a person out of sight, in the transaction of `db`."""
    now = gallery.clock()
    person.ended = now
    if db.get(Revocation, person.consent_id) is None:
        db.add(Revocation(consent_id=person.consent_id, at=now, by=by))
    cancelled = _under_way(db, person)
    for one in cancelled:
        end(db, gallery, one, "cancelled", STOPPED)
    of_person = (
        select(Picture).where(Picture.person_id == person.id, Picture.gone.is_(None)).with_for_update()
    )
    pictures = list(db.scalars(of_person))
    left = leave(db, pictures, "revoked", now)
    data: dict[str, Any] = {
        "person": person.name,
        "consent": person.consent_id,
        "withdrawn": left.pictures,
        "shares": left.shares,
        "cancelled": len(cancelled),
    }
    receipt = Receipt(id=uuid.uuid4(), kind="revocation", at=now, data=data)
    db.add(receipt)
    note(db, now, actor, "revoked", **data)
    return receipt, pictures


def _erased(
    gallery: Gallery, receipt: Receipt, pictures: Sequence[Picture], *, listed: bool
) -> dict[str, Any]:
    """Erase the pictures' files and the weights; gives what the receipt then says."""
    erase_gone(gallery)
    try:
        take_out(gallery, receipt.data["consent"])
    except OSError:
        log.exception("weights of %s are still in the gallery's folder", receipt.data["consent"])
    with gallery.transaction() as db:
        ids = [one.id for one in pictures]
        storage = sum(
            one is not None for one in db.scalars(select(Picture.erased).where(Picture.id.in_(ids)))
        )
        kept = db.get_one(Receipt, receipt.id)
        kept.data = receipt.data | {"storage": storage, "listed": listed}
        return kept.data


def _under_way(db: Session, person: Person) -> list[Generation]:
    versions = select(Version.id).where(Version.person_id == person.id)
    waiting = select(Generation).where(Generation.version_id.in_(versions), Generation.status.not_in(ENDED))
    return list(
        db.scalars(waiting.order_by(Generation.user_id, Generation.id).with_for_update())
    )  # one order: no deadlock
