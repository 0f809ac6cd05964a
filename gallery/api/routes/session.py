"""Who is signed in, and how one comes and goes."""

import uuid
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import EmailStr, Field
from sqlalchemy import delete, select

from gallery.accounts import sign_up
from gallery.accounts.sessions import csrf_token, visitor_of
from gallery.accounts.tries import SIGN_UP_PLACE, TOKEN_PLACE, count_try
from gallery.api.bodies import Body, Name
from gallery.api.shapes import Ended, Page, Sent, Session, SignedInPlace
from gallery.api.visitors import GalleryDep, UserDep, VisitorDep, new_cookie, set_cookie
from gallery.context import Gallery
from gallery.errors import not_there
from gallery.tables import SignedIn, User
from likeness.errors import without_control

router = APIRouter()


class SignUp(Body):
    email: EmailStr
    password: str = Field(max_length=200)
    name: Name
    invitation: str | None = Field(default=None, max_length=100)


class SignIn(Body):
    email: EmailStr
    password: str = Field(max_length=200)


class Forgot(Body):
    email: EmailStr


class Confirm(Body):
    """`password`: needed in another browser than the one that asked."""

    token: str = Field(max_length=100)
    password: str | None = Field(default=None, max_length=200)


class Reset(Body):
    token: str = Field(max_length=100)
    password: str = Field(max_length=200)


def user_view(user: User) -> dict[str, Any]:
    """A user as the page shows one."""
    return {"id": user.id, "email": user.email, "name": user.name, "role": user.role}


def _session(gallery: Gallery, user: User | None, cookie: str) -> dict[str, Any]:
    return {
        "user": user and user_view(user),
        "csrf": csrf_token(gallery.key, cookie),
        "settings": {
            "open_sign_up": gallery.settings.open_sign_up,
            "money": gallery.settings.money,
            "passkeys": gallery.settings.passkeys,
        },
    }


def signed_in(gallery: Gallery, response: Response, come: tuple[User, str]) -> dict[str, Any]:
    """The session of a user who just came, whose browser gets the cookie."""
    user, cookie = come
    set_cookie(response, gallery, cookie)
    return _session(gallery, user, cookie)


def agent_of(request: Request) -> str:
    """What the browser calls itself."""
    return without_control(request.headers.get("user-agent", ""))


@router.get("/session", response_model=Session)
def get_session(gallery: GalleryDep, who: VisitorDep, response: Response) -> dict[str, Any]:
    """Who asks, and the token for all that changes something."""
    cookie = who.cookie
    if not cookie:
        set_cookie(response, gallery, cookie := new_cookie())
    return _session(gallery, who.user, cookie)


@router.post(
    "/sign-up",
    response_model=Session | Sent,
    responses={202: {"model": Sent, "description": "A mail went out"}},
)
def post_sign_up(
    body: SignUp,
    gallery: GalleryDep,
    who: VisitorDep,
    request: Request,
    response: Response,
    later: BackgroundTasks,
) -> dict[str, Any]:
    """With an invitation: signed in at once. Where anybody may come: a mail goes out, and nothing tells who has an account."""
    count_try(gallery, SIGN_UP_PLACE, who.place)
    if body.invitation:
        come = sign_up.sign_up_invited(
            gallery, body.email, body.name, body.password, body.invitation, agent_of(request)
        )
        return signed_in(gallery, response, come)
    mail = sign_up.ask_to_sign_up(gallery, body.email, body.name, body.password, who)
    later.add_task(mail.send, gallery)
    response.status_code = 202
    return {"sent": True}


@router.post("/sign-up/confirm", response_model=Session)
def post_confirm(
    body: Confirm, gallery: GalleryDep, who: VisitorDep, request: Request, response: Response
) -> dict[str, Any]:
    """Finish an open sign-up by the link in the mail."""
    count_try(gallery, TOKEN_PLACE, who.place)
    come = sign_up.confirm(gallery, body.token, body.password, who, agent_of(request))
    return signed_in(gallery, response, come)


@router.post("/sign-in", response_model=Session)
def post_sign_in(
    body: SignIn, gallery: GalleryDep, who: VisitorDep, request: Request, response: Response
) -> dict[str, Any]:
    """Sign in; the browser gets a new cookie, whatever it had before."""
    come = sign_up.sign_in(gallery, body.email, body.password, who.place, agent_of(request))
    return signed_in(gallery, response, come)


@router.post("/sign-out", response_model=Session)
def post_sign_out(gallery: GalleryDep, who: VisitorDep, response: Response) -> dict[str, Any]:
    """End this session, here and on the server."""
    with gallery.transaction() as db:
        db.execute(delete(SignedIn).where(SignedIn.id == who.session_id))
    set_cookie(response, gallery, cookie := new_cookie())
    return _session(gallery, None, cookie)


@router.post("/password/forgot", response_model=Sent, status_code=202)
def post_forgot(body: Forgot, gallery: GalleryDep, who: VisitorDep, later: BackgroundTasks) -> dict[str, Any]:
    """Send a link for a new password, where there is an account."""
    if mail := sign_up.forgot(gallery, body.email, who.place):
        later.add_task(mail.send, gallery)
    return {"sent": True}


@router.post("/password/reset", response_model=Session)
def post_reset(body: Reset, gallery: GalleryDep, who: VisitorDep) -> dict[str, Any]:
    """Set a new password by the link; every session of the user ends."""
    count_try(gallery, TOKEN_PLACE, who.place)
    sign_up.reset(gallery, body.token, body.password)
    return _session(gallery, visitor_of(gallery, who.cookie, who.place).user, who.cookie)


@router.get("/sessions", response_model=Page[SignedInPlace])
def get_sessions(gallery: GalleryDep, user: UserDep, who: VisitorDep) -> dict[str, Any]:
    """Where the user is signed in."""
    with gallery.transaction() as db:
        own = select(SignedIn).where(SignedIn.user_id == user.id).order_by(SignedIn.seen.desc())
        items = [
            {
                "id": one.id,
                "agent": one.agent,
                "created": one.created,
                "seen": one.seen,
                "this": one.id == who.session_id,
            }
            for one in db.scalars(own)
        ]
    return {"items": items, "next": None}


@router.delete("/sessions/{session_id}", response_model=Ended)
def delete_session(session_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """End one of the user's sessions at once."""
    own = (
        delete(SignedIn).where(SignedIn.id == session_id, SignedIn.user_id == user.id).returning(SignedIn.id)
    )
    with gallery.transaction() as db:
        if db.execute(own).scalar_one_or_none() is None:
            raise not_there()
    return {"ended": session_id}
