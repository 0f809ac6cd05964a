"""What owners see and decide: users, rights, reports."""

import datetime
import uuid
from typing import Any, Literal

from fastapi import APIRouter, BackgroundTasks, Response
from pydantic import EmailStr, Field
from sqlalchemy import func, select

from gallery.accounts.sign_up import Mail, change_user
from gallery.accounts.tokens import HOURS, new_token
from gallery.api.bodies import Body, Moment, Name
from gallery.api.owner_shapes import (
    AdminRight,
    AdminTakedown,
    AdminUser,
    ChangedUser,
    GivenRight,
    Invitation,
    TakenAway,
)
from gallery.api.public_shapes import TakedownReceipt
from gallery.api.routes.pictures import file_answer
from gallery.api.routes.session import user_view
from gallery.api.routes.shares import takedown_view
from gallery.api.shapes import FILES, Address, Kind, Page, content
from gallery.api.visitors import GalleryDep, OwnerDep
from gallery.audit import note
from gallery.errors import not_there
from gallery.people.granting import grant, take_away
from gallery.people.presets import KINDS
from gallery.people.rights import as_allowed
from gallery.portrayed.links import link_token
from gallery.tables import Person, Picture, Right, Role, Takedown, User, Version
from gallery.takedown.reports import decide

router = APIRouter(prefix="/admin")
MOST_PER_DAY = 10_000


class Changed(Body):
    name: Name | None = None
    role: Role | None = None
    disabled: bool | None = None


class Invited(Body):
    email: EmailStr
    role: Role = "member"


class Granted(Body):
    user_id: uuid.UUID
    version_id: uuid.UUID
    per_day: int | None = Field(default=None, ge=0, le=MOST_PER_DAY)
    until: Moment | None = None
    kinds: list[Kind] = Field(default=list(KINDS))  # type: ignore[assignment]


class Decided(Body):
    decision: Literal["remove", "keep"]


@router.get("/users", response_model=Page[AdminUser])
def get_users(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """All users, and how many pictures each has."""
    with gallery.transaction() as db:
        drawn = select(func.count()).where(Picture.user_id == User.id, Picture.gone.is_(None)).correlate(User)
        rows = db.execute(select(User, drawn.scalar_subquery()).order_by(User.email))
        items = [
            user_view(row[0]) | {"disabled": row[0].blocked, "created": row[0].created, "pictures": row[1]}
            for row in rows
        ]
    return {"items": items, "next": None}


@router.patch("/users/{user_id}", response_model=ChangedUser)
def patch_user(user_id: uuid.UUID, body: Changed, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Change a user; who is blocked is out at once, and one owner always stays."""
    changes = body.model_dump(exclude_none=True)
    if body.disabled is not None:
        changes["blocked"] = changes.pop("disabled")
    user = change_user(gallery, by.email, user_id, changes)
    return user_view(user) | {"disabled": user.blocked}


@router.post("/invitations", response_model=Invitation, status_code=201)
def post_invitation(
    body: Invited, gallery: GalleryDep, by: OwnerDep, later: BackgroundTasks
) -> dict[str, Any]:
    """Invite somebody; the link goes by mail and is in the answer."""
    with gallery.transaction() as db:
        token = new_token(db, "invitation", body.email.lower(), gallery.clock(), role=body.role)
        note(db, gallery.clock(), by.email, "invited", email=body.email.lower(), role=body.role)
    url = f"{gallery.settings.public_url}/invitation#token={token}"
    later.add_task(
        Mail(to=body.email.lower(), subject="An invitation", text=f"Open this link:\n\n{url}\n").send, gallery
    )
    return {"url": url, "expires": gallery.clock() + datetime.timedelta(hours=HOURS["invitation"])}


@router.get("/rights", response_model=Page[AdminRight])
def get_rights(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """All rights, and what is used today."""
    now = gallery.clock()
    with gallery.transaction() as db:
        rows = db.execute(
            select(Right, Version, Person, User)
            .select_from(Right)
            .join(Version, Version.id == Right.version_id)
            .join(Person, Person.id == Version.person_id)
            .join(User, User.id == Right.user_id)
            .order_by(User.email, Person.name, Version.created.desc())
        ).all()
        items = [
            right_view(row[0])
            | {
                "user": row[3].name,
                "version": row[1].name,
                "person": row[2].name,
                "used_today": as_allowed(db, row[0], row[1], row[2], now).used_today,
            }
            for row in rows
        ]
    return {"items": items, "next": None}


@router.put("/rights", response_model=GivenRight)
def put_right(body: Granted, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Give a right, or change it."""
    per_day = MOST_PER_DAY if body.per_day is None else body.per_day
    right = grant(
        gallery, by.email, body.user_id, body.version_id, per_day=per_day, until=body.until, kinds=body.kinds
    )
    return right_view(right)


@router.delete("/rights", response_model=TakenAway)
def delete_right(
    user_id: uuid.UUID, version_id: uuid.UUID, gallery: GalleryDep, by: OwnerDep
) -> dict[str, Any]:
    """Take a right away at once."""
    with gallery.transaction() as db:
        right = db.scalar(select(Right.id).where(Right.user_id == user_id, Right.version_id == version_id))
    if right is None:
        raise not_there()
    take_away(gallery, by.email, right)
    return {"taken_away": right}


def right_view(one: Right) -> dict[str, Any]:
    """A right."""
    return {
        "id": one.id,
        "user_id": one.user_id,
        "version_id": one.version_id,
        "per_day": one.per_day,
        "until": one.until,
        "kinds": one.kinds,
    }


@router.get("/takedowns", response_model=Page[AdminTakedown])
def get_takedowns(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Reports, open ones first, the most urgent on top."""
    with gallery.transaction() as db:
        order = Takedown.decided.is_not(None), func.coalesce(Takedown.decided, Takedown.due)
        rows = db.execute(select(Takedown, Picture.gone).join(Picture).order_by(*order).limit(500))
        items = [
            takedown_view(one)
            | {
                "picture_id": one.picture_id,
                "name": one.name,
                "email": one.email,
                "statement": one.statement,
                "by": one.by,
                "file_url": None if gone else f"/api/admin/takedowns/{one.id}/file",
            }
            for one, gone in rows
        ]
    return {"items": items, "next": None}


@router.get("/takedowns/{takedown_id}/file", response_class=Response, responses=content(FILES))
def get_reported(takedown_id: uuid.UUID, gallery: GalleryDep, by: OwnerDep) -> Response:
    """The reported picture, for whoever decides; that it was looked at is noted."""
    with gallery.transaction() as db:
        one = db.get(Takedown, takedown_id)
        picture = one and db.get_one(Picture, one.picture_id)
        if one is None or picture is None or picture.gone is not None:
            raise not_there()
        person = db.get_one(Person, picture.person_id).name
        note(db, gallery.clock(), by.email, "reported-picture-seen", takedown=str(one.id))
    return file_answer(gallery, picture, person, "full", cache="no-store")


@router.post("/takedowns/{takedown_id}", response_model=TakedownReceipt)
def post_decision(takedown_id: uuid.UUID, body: Decided, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Decide a report."""
    return takedown_view(decide(gallery, takedown_id, body.decision, by.email))


@router.post("/people/{person_id}/link", response_model=Address)
def post_link(person_id: uuid.UUID, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """The link to the page of a person portrayed, to be sent to that person and nobody else."""
    with gallery.transaction() as db:
        person = db.get(Person, person_id)
        if person is None:
            raise not_there()
        note(db, gallery.clock(), by.email, "link-given", person=person.name)
        return {"url": f"{gallery.settings.public_url}/p/{link_token(gallery, person)}"}
