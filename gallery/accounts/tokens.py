"""One-time links, and the challenges of passkeys: of each the database knows the sha256 alone, and the first use takes it away."""

import datetime
import hashlib
import secrets

from sqlalchemy import delete
from sqlalchemy.orm import Session

from gallery.errors import RequestError
from gallery.tables import Token

HOURS = {"invitation": 24 * 14, "confirm": 24, "reset": 1, "passkey-add": 0.1, "passkey-in": 0.1}


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(
    db: Session,
    purpose: str,
    email: str,
    now: datetime.datetime,
    *,
    role: str = "member",
    name: str = "",
    password: str = "",
) -> str:
    """A token for this purpose; an earlier one of the same address and purpose ends."""
    db.execute(delete(Token).where(Token.purpose == purpose, Token.email == email))
    token = secrets.token_urlsafe(32)
    expires = now + datetime.timedelta(hours=HOURS[purpose])
    db.add(
        Token(
            token_sha256=digest(token),
            purpose=purpose,
            email=email,
            role=role,
            name=name,
            password=password,
            created=now,
            expires=expires,
        )
    )
    return token


def use_token(db: Session, purpose: str, token: str, now: datetime.datetime) -> Token:
    """Take the token away and give what it stood for; two at once: one gets it.

    Raises:
        RequestError: nobody made it, it was used, or it is too old.
    """
    taken = (
        delete(Token).where(Token.token_sha256 == digest(token), Token.purpose == purpose).returning(Token)
    )
    found = db.execute(taken).scalar_one_or_none()
    if found is None or found.expires <= now:
        raise RequestError(422, "token", "This link does not hold any more.", remedy="Ask for a new one.")
    return found


def end_owners_invitations(db: Session) -> None:
    """End what is open to become an owner by: an owner who goes may have made it."""
    db.execute(delete(Token).where(Token.purpose == "invitation", Token.role == "owner"))
