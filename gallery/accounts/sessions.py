"""Sessions: a random cookie, its sha256 in the database, the end at once when the line goes."""

import contextlib
import datetime
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gallery.accounts.tokens import digest
from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.tables import SignedIn, Token, Tries, User

SEEN_EVERY = datetime.timedelta(minutes=5)
TRIES_KEPT = datetime.timedelta(hours=2)
"""No try counts for longer."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who asks: the cookie's session and its user, or nobody with a cookie that signs nobody in."""

    cookie: str
    place: str
    session_id: uuid.UUID | None = None
    user: User | None = None


def csrf_token(key: bytes, cookie: str) -> str:
    """The token that goes with a cookie: a stranger's page can send the cookie and cannot read this."""
    return hmac.new(key, b"csrf\n" + cookie.encode(), hashlib.sha256).hexdigest()


def keep_user(db: Session, user: User) -> None:
    """Keep a user as they are until the end of the transaction: a new password, or a block, waits, and then ends what is added here.

    Raises:
        RequestError: 401: one came since the user was looked up.
    """
    now = select(User.password, User.blocked).where(User.id == user.id).with_for_update(read=True)
    if db.execute(now).one_or_none() != (user.password, False):
        raise RequestError(401, "sign-in", "This account has just been changed.", remedy="Sign in again.")


def begin_session(db: Session, gallery: Gallery, user: User, agent: str) -> str:
    """Sign a user in; gives the new cookie: what the browser had before is worth nothing.

    Raises:
        RequestError: 401: the user was changed meanwhile.
    """
    keep_user(db, user)
    cookie, now = secrets.token_urlsafe(32), gallery.clock()
    expires = now + datetime.timedelta(days=gallery.settings.session_days)
    db.add(
        SignedIn(
            token_sha256=digest(cookie),
            user_id=user.id,
            agent=agent[:200],
            created=now,
            seen=now,
            expires=expires,
        )
    )
    return cookie


def visitor_of(gallery: Gallery, cookie: str, place: str) -> Visitor:
    """Whose cookie it is, now; a blocked user's is nobody's."""
    now = gallery.clock()
    with gallery.transaction() as db:
        row = db.execute(
            select(SignedIn, User)
            .join(User)
            .where(SignedIn.token_sha256 == digest(cookie), SignedIn.expires > now)
        ).one_or_none()
        if row is None or row[1].blocked:
            return Visitor(cookie=cookie, place=place)
        signed_in, user = row
    if now - signed_in.seen > SEEN_EVERY:
        _note(gallery, signed_in.id, now)
    return Visitor(cookie=cookie, place=place, session_id=signed_in.id, user=user)


def _note(gallery: Gallery, session_id: uuid.UUID, now: datetime.datetime) -> None:
    """When a session was last used, for its user's list: a database that takes nothing just now keeps nobody from reading."""
    with contextlib.suppress(DBAPIError), gallery.transaction() as db:
        db.execute(update(SignedIn).where(SignedIn.id == session_id).values(seen=now))


def end_sessions(db: Session, user_id: uuid.UUID) -> None:
    """Sign a user out everywhere; who is just coming in is waited for (`keep_user`)."""
    db.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    db.execute(delete(SignedIn).where(SignedIn.user_id == user_id))


def forget(gallery: Gallery) -> None:
    """Delete sessions, one-time links and counted tries whose time is over: strangers make as many as they like, and some hold an
    address and what is kept of a password."""
    now = gallery.clock()
    with gallery.transaction() as db:
        db.execute(delete(SignedIn).where(SignedIn.expires <= now))
        db.execute(delete(Token).where(Token.expires <= now))
        db.execute(delete(Tries).where(Tries.window <= now - TRIES_KEPT))
