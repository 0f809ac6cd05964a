"""Passkeys: added, used, listed, removed."""

import uuid
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field, JsonValue
from sqlalchemy import select

from gallery.accounts import passkeys
from gallery.api import shapes
from gallery.api.bodies import Body, Name
from gallery.api.routes.session import agent_of, signed_in
from gallery.api.shapes import Deleted, Page, PasskeyOptions, Session
from gallery.api.visitors import GalleryDep, UserDep, VisitorDep
from gallery.tables import Passkey

router = APIRouter()


class Confirmed(Body):
    password: str = Field(max_length=200)


class Made(Body):
    """`credential` is what navigator.credentials.create() gave, as JSON."""

    name: Name
    credential: dict[str, JsonValue]


class Proof(Body):
    """`credential` is what navigator.credentials.get() gave, as JSON."""

    credential: dict[str, JsonValue]


@router.post("/passkeys/options", response_model=PasskeyOptions)
def post_options(body: Confirmed, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """What the browser needs to make a passkey."""
    return {"options": passkeys.begin_adding(gallery, user, body.password)}


@router.post("/passkeys", response_model=shapes.Passkey, status_code=201)
def post_passkey(body: Made, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Keep the passkey that the browser made."""
    return _view(passkeys.add(gallery, user, body.name, body.credential))


@router.get("/passkeys", response_model=Page[shapes.Passkey])
def get_passkeys(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The user's passkeys."""
    with gallery.transaction() as db:
        own = select(Passkey).where(Passkey.user_id == user.id).order_by(Passkey.created, Passkey.id)
        return {"items": [_view(one) for one in db.scalars(own)], "next": None}


@router.delete("/passkeys/{passkey_id}", response_model=Deleted)
def delete_passkey(passkey_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Take a passkey away at once."""
    passkeys.remove(gallery, user, passkey_id)
    return {"deleted": passkey_id}


@router.post("/sign-in/passkey/options", response_model=PasskeyOptions)
def post_sign_in_options(gallery: GalleryDep, who: VisitorDep) -> dict[str, Any]:
    """What the browser needs to sign in with a passkey."""
    return {"options": passkeys.begin_sign_in(gallery, who.cookie, who.place)}


@router.post("/sign-in/passkey", response_model=Session)
def post_sign_in(
    body: Proof, gallery: GalleryDep, who: VisitorDep, request: Request, response: Response
) -> dict[str, Any]:
    """Sign in; the browser gets a new cookie."""
    come = passkeys.sign_in(gallery, who.cookie, who.place, agent_of(request), body.credential)
    return signed_in(gallery, response, come)


def _view(one: Passkey) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "created": one.created, "used": one.used}
