"""Links to pictures: made and ended by users, opened and reported by anybody."""

import datetime
import uuid
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, BackgroundTasks, Header, Response
from pydantic import EmailStr, Field
from sqlalchemy import select

from gallery.api import shapes
from gallery.api.bodies import Body, Name, Prose
from gallery.api.public_shapes import SharedPicture, TakedownReceipt
from gallery.api.routes.pictures import Size, file_answer
from gallery.api.shapes import FILES, Ended, NewShare, Page, content
from gallery.api.visitors import GalleryDep, UserDep, VisitorDep
from gallery.errors import not_there
from gallery.pictures.shares import end_share, held, share, shared
from gallery.tables import Share, Takedown
from gallery.takedown.reports import Reason, report, tell_of

router = APIRouter()
Password = Annotated[str | None, Header(alias="x-share-password", max_length=1000)]
MARKS = ["c2pa", "pixels", "xmp"]
"""What every full file carries: `docs/marks.md`; a smooth picture's statement may say that its pixels carry none."""


class Asked(Body):
    expires_hours: int = Field(ge=1, le=24 * 90)
    password: str | None = Field(default=None, max_length=200)


class Report(Body):
    name: Name
    email: EmailStr
    reason: Reason
    statement: Prose


@router.post("/pictures/{picture_id}/shares", response_model=NewShare, status_code=201)
def post_share(picture_id: uuid.UUID, body: Asked, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """A new link; its address is told this once."""
    made, token = share(gallery, user, picture_id, body.expires_hours, body.password)
    return {"id": made.id, "url": f"{gallery.settings.public_url}/s/{token}", "expires": made.expires}


@router.get("/shares", response_model=Page[shapes.Share])
def get_shares(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The user's links that are open."""
    now = gallery.clock()
    with gallery.transaction() as db:
        own = select(Share).where(Share.user_id == user.id, Share.ended.is_(None), Share.expires > now)
        links = db.scalars(own.order_by(Share.created.desc())).all()
        hidden = held(db, [one.picture_id for one in links])
        items = [
            {
                "id": one.id,
                "picture_id": one.picture_id,
                "created": one.created,
                "expires": one.expires,
                "password": one.password is not None,
                "held": one.picture_id in hidden,
            }
            for one in links
        ]
    return {"items": items, "next": None}


@router.delete("/shares/{share_id}", response_model=Ended)
def delete_share(share_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """End a link at once."""
    end_share(gallery, user, share_id)
    return {"ended": share_id}


@router.get("/shared/{token}", response_model=SharedPicture)
def get_shared(token: str, gallery: GalleryDep, password: Password = None) -> dict[str, Any]:
    """What a link shows to anybody."""
    picture, person = shared(gallery, token, password and unquote(password))
    shown = {
        "width": picture.width,
        "height": picture.height,
        "created": picture.created.astimezone(datetime.UTC),
        "url": f"/api/shared/{token}/file",
        "sha256": picture.sha256,
    }
    return {"picture": shown, "person": person.name, "marks": MARKS}


@router.get("/shared/{token}/file", response_class=Response, responses=content(FILES))
def get_shared_file(
    token: str, gallery: GalleryDep, password: Password = None, size: Size = "full"
) -> Response:
    """Its bytes, with all marks."""
    picture, person = shared(gallery, token, password and unquote(password))
    return file_answer(gallery, picture, person.name, size, cache="no-store")


@router.post("/shared/{token}/takedown", response_model=TakedownReceipt, status_code=201)
def post_takedown(
    token: str, body: Report, gallery: GalleryDep, who: VisitorDep, later: BackgroundTasks
) -> dict[str, Any]:
    """Report it; the receipt shows how it stands."""
    made = report(gallery, token, who.place, **body.model_dump())
    later.add_task(tell_of, gallery, made)
    return takedown_view(made)


@router.get("/takedowns/{receipt}", response_model=TakedownReceipt)
def get_takedown(receipt: uuid.UUID, gallery: GalleryDep) -> dict[str, Any]:
    """How a report stands, for whoever has the receipt."""
    with gallery.transaction() as db:
        one = db.get(Takedown, receipt)
        if one is None:
            raise not_there()
        return takedown_view(one)


def takedown_view(one: Takedown) -> dict[str, Any]:
    """A report as its receipt shows it: nothing of who reported."""
    status = {"remove": "removed", "keep": "kept"}.get(one.decision or "", "open")
    return {
        "receipt": one.id,
        "status": status,
        "reason": one.reason,
        "created": one.created,
        "due": one.due,
        "decided": one.decided,
        "decision": one.decision,
        "copies": one.withdrawn,
    }
