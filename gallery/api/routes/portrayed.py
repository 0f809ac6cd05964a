"""The page of the person portrayed."""

import datetime
import uuid
from collections.abc import Mapping
from math import inf
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from gallery.accounts.names import shown_names
from gallery.accounts.tries import PORTRAYED, count_try
from gallery.api.bodies import Body
from gallery.api.public_shapes import Narrow, Portrayed, WithdrawalReceipt
from gallery.api.routes.pictures import Size, file_answer
from gallery.api.shapes import FILES, Address, Kind, content
from gallery.api.visitors import GalleryDep, VisitorDep
from gallery.audit import note
from gallery.errors import not_there
from gallery.people.presets import KINDS
from gallery.pictures.pages import page, read_cursor
from gallery.portrayed.decisions import narrow, revoke
from gallery.portrayed.links import link_token, portrayed
from gallery.tables import Person, Picture, Receipt, Right, User, Version
from likeness.errors import ConsentError

router = APIRouter()
assert Kind.__args__ == KINDS


class Narrowed(Body):
    kinds: list[Kind] = Field(max_length=len(KINDS))
    per_day: int | None = Field(default=None, ge=0, le=100_000)


class Confirmed(Body):
    confirm: str = Field(max_length=64)


@router.get("/portrayed/{token}", response_model=Portrayed, response_model_exclude_unset=True)
def get_page(
    token: str,
    gallery: GalleryDep,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
) -> dict[str, Any]:
    """Everything that is there of the person, and who may draw them."""
    with gallery.transaction() as db:
        person = portrayed(db, gallery, token)
        found, following = page(
            db, [Picture.person_id == person.id], read_cursor(cursor) if cursor else None, limit
        )
        names = shown_names(db)
        items = [
            {
                "id": one.id,
                "by": names[one.user_id],
                "prompt": one.prompt,
                "created": one.created,
                "width": one.width,
                "height": one.height,
                "thumb_url": f"/api/portrayed/{token}/pictures/{one.id}/file?size=thumb",
                "url": f"/api/portrayed/{token}/pictures/{one.id}/file",
            }
            for one in found
        ]
        told = select(Receipt.data).where(
            Receipt.kind == "revocation", Receipt.data["consent"].astext == person.consent_id
        )
        gone = db.scalar(
            select(func.count()).where(Picture.person_id == person.id, Picture.gone.is_not(None))
        )
        return {
            "person": {"id": person.id, "name": person.name},
            "scope": _scope(gallery, person),
            "kinds": list(KINDS) if person.kinds is None else person.kinds,
            "all_kinds": KINDS,
            "per_day": person.per_day,
            "revoked": person.ended and db.scalar(told),
            "pictures": {"items": items, "next": following},
            "gone": gone,
            "users": _users(db, person, names, gallery.clock()),
        }


def _users(
    db: Session, person: Person, names: Mapping[uuid.UUID, str], now: datetime.datetime
) -> list[dict[str, Any]]:
    """Who may draw the person now, and how many pictures a day; or drew pictures that are here."""
    here = Picture.person_id == person.id, Picture.gone.is_(None), Picture.user_id == User.id
    drawn = select(func.count()).where(*here).correlate(User).scalar_subquery()
    last = select(func.max(Picture.created)).where(*here).correlate(User).scalar_subquery()
    per_day = (
        select(func.max(Right.per_day))
        .join(Version, Version.id == Right.version_id)
        .where(
            Version.person_id == person.id,
            Right.user_id == User.id,
            User.blocked.is_(False),
            Right.holds(now),
        )
        .correlate(User)
        .scalar_subquery()
    )
    rows = db.execute(
        select(User.id, drawn, last, per_day)
        .where(or_(drawn > 0, per_day.is_not(None)))
        .order_by(User.name, User.id)
    )
    most = inf if person.per_day is None else person.per_day
    return [
        {"name": names[who], "pictures": count, "last": day, "per_day": per_day and min(per_day, most)}
        for who, count, day, per_day in rows
    ]


def _scope(gallery: GalleryDep, person: Person) -> str:
    """What the consent record covers, in words."""
    try:
        return f"Record {person.consent_id} allows: {', '.join(gallery.records.in_force(person).scope)}."
    except ConsentError:
        return f"Record {person.consent_id} allows nothing any more."


@router.get(
    "/portrayed/{token}/pictures/{picture_id}/file", response_class=Response, responses=content(FILES)
)
def get_file(token: str, picture_id: uuid.UUID, gallery: GalleryDep, size: Size = "full") -> Response:
    """The bytes of a picture of the person."""
    with gallery.transaction() as db:
        person, picture = portrayed(db, gallery, token), db.get(Picture, picture_id)
        if picture is None or picture.person_id != person.id or picture.gone is not None:
            raise not_there()
    return file_answer(gallery, picture, person.name, size, cache="no-store")


def _count(gallery: GalleryDep, token: str) -> None:
    """Count what is asked by a link under its person: strangers in the same place use nothing of it up."""
    with gallery.transaction() as db:
        person = portrayed(db, gallery, token)
    count_try(gallery, PORTRAYED, str(person.id))


@router.post("/portrayed/{token}/narrow", response_model=Narrow)
def post_narrow(token: str, body: Narrowed, gallery: GalleryDep, who: VisitorDep) -> dict[str, Any]:
    """Allow less."""
    _count(gallery, token)
    person = narrow(gallery, token, list(body.kinds), body.per_day)
    return {"kinds": person.kinds, "per_day": person.per_day}


@router.post("/portrayed/{token}/revoke", response_model=WithdrawalReceipt)
def post_revoke(token: str, body: Confirmed, gallery: GalleryDep, who: VisitorDep) -> dict[str, Any]:
    """End everything; the answer is the receipt. No limit stands before it: nobody guesses a signed link."""
    return revoke(gallery, token, body.confirm)


@router.post("/portrayed/{token}/renew", response_model=Address)
def post_renew(token: str, gallery: GalleryDep, who: VisitorDep) -> dict[str, Any]:
    """A new link in place of this one, which ends: for whoever lost it, or showed it to the wrong person."""
    _count(gallery, token)
    with gallery.transaction() as db:
        person = portrayed(db, gallery, token, lock=True)
        person.link += 1
        note(db, gallery.clock(), f"portrayed:{person.name}", "link-renewed")
        return {"url": f"{gallery.settings.public_url}/p/{link_token(gallery, person)}"}
