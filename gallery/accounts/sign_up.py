"""Sign-up by invitation or open, sign-in, a new password. What is answered is the same whoever has an account."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery.accounts.mail import send_mail
from gallery.accounts.sessions import Visitor, begin_session, end_sessions
from gallery.accounts.tokens import end_owners_invitations, new_token, use_token
from gallery.accounts.tries import MAIL_ADDRESS, MAIL_PLACE, SIGN_IN_ADDRESS, SIGN_IN_PLACE, count_try
from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, invalid, not_allowed, not_there
from gallery.tables import Passkey, Role, User

MARK_LETTERS = 32
"""At the end of a link that finishes an account: which browser asked for it."""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A message to be sent after the answer: how long that takes tells nobody anything."""

    to: str
    subject: str
    text: str

    def send(self, gallery: Gallery) -> None:
        """Send it."""
        send_mail(gallery.mailer, self.to, self.subject, self.text)


def find_user(db: Session, email: str) -> User | None:
    """By address, in whatever case it is written."""
    return db.scalar(select(User).where(User.email == email.lower()))


def add_user(db: Session, gallery: Gallery, email: str, name: str, password: str, role: Role) -> User:
    """A new account; `password` is a hash."""
    user = User(email=email.lower(), name=name, password=password, role=role, created=gallery.clock())
    db.add(user)
    try:
        db.flush()
    except IntegrityError as error:
        raise invalid("There is an account of this address already.", "Sign in.") from error
    note(db, gallery.clock(), email.lower(), "user-added", role=role)
    return user


def change_user(
    gallery: Gallery, by: str, user_id: uuid.UUID, changes: Mapping[str, Any], *, one_owner_stays: bool = True
) -> User:
    """Change name, role or `blocked` of a user; who is blocked is out at once.

    Raises:
        RequestError: 404; 422 for the last owner.
    """
    with gallery.transaction() as db:
        owners = set(
            db.scalars(select(User.id).where(User.role == "owner", User.blocked.is_(False)).with_for_update())
        )
        user = db.get(User, user_id, with_for_update=True)
        if user is None:
            raise not_there()
        loses = changes.get("blocked") or changes.get("role", "owner") != "owner"
        if loses and owners == {user.id} and one_owner_stays:
            raise invalid("One owner has to stay.", "Make somebody else an owner first.")
        if loses and user.id in owners:  # who goes comes back by no invitation made before
            end_owners_invitations(db)
        for name, value in changes.items():
            setattr(user, name, value)
        if changes.get("blocked"):
            end_sessions(db, user.id)
        note(db, gallery.clock(), by, "user-changed", user=user.email, **changes)
    return user


def sign_up_invited(
    gallery: Gallery, email: str, name: str, password: str, invitation: str, agent: str
) -> tuple[User, str]:
    """A user who was invited under this address, signed in; gives the cookie."""
    hashed = gallery.passwords.hash(password, email=email.lower())
    with gallery.transaction() as db:
        found = use_token(db, "invitation", invitation, gallery.clock())
        if found.email != email.lower():
            raise not_allowed("This invitation is for another address.")
        user = add_user(db, gallery, email, name, hashed, cast(Role, found.role))
        return user, begin_session(db, gallery, user, agent)


def _mark(gallery: Gallery, token: str, cookie: str) -> str:
    said = f"confirm\n{token}\n{cookie}".encode()
    return hmac.new(gallery.key, said, hashlib.sha256).hexdigest()[:MARK_LETTERS]


def ask_to_sign_up(gallery: Gallery, email: str, name: str, password: str, who: Visitor) -> Mail:
    """Where anybody may come: a mail with a link, or one that says there is an account already. Nothing else tells."""
    if not gallery.settings.open_sign_up:
        raise not_allowed("Whoever comes here is invited.")
    count_try(gallery, MAIL_PLACE, who.place)
    count_try(gallery, MAIL_ADDRESS, email.lower())
    hashed = gallery.passwords.hash(password, email=email.lower())
    with gallery.transaction() as db:
        known = find_user(db, email)
        link = "sign-in"
        if known is None:
            token = new_token(db, "confirm", email.lower(), gallery.clock(), name=name, password=hashed)
            link = f"confirm#token={token}{_mark(gallery, token, who.cookie)}"
    said = "You have an account already." if known else "Open this link to finish."
    return Mail(
        to=email.lower(), subject="Your account", text=f"{said}\n\n{gallery.settings.public_url}/{link}\n"
    )


def confirm(gallery: Gallery, link: str, password: str | None, who: Visitor, agent: str) -> tuple[User, str]:
    """Finish an open sign-up; gives the cookie. In another browser than the one that asked for it the password is asked for: whoever
    opens a mail that they did not ask for makes no account to which a stranger knows the password.

    Raises:
        RequestError: 401: another browser, and not the password; the link holds on.
    """
    token, mark = link[:-MARK_LETTERS], link[-MARK_LETTERS:]
    with gallery.transaction() as db:
        found = use_token(db, "confirm", token, gallery.clock())
        here = hmac.compare_digest(mark.encode(), _mark(gallery, token, who.cookie).encode())
        if not here and not gallery.passwords.is_right(found.password, password or ""):
            raise RequestError(
                401,
                "password",
                "This account was asked for in another browser.",
                remedy="Type the password that was chosen there.",
            )
        user = add_user(db, gallery, found.email, found.name, found.password, "member")
        return user, begin_session(db, gallery, user, agent)


def sign_in(gallery: Gallery, email: str, password: str, place: str, agent: str) -> tuple[User, str]:
    """The user of this address and password; gives the cookie.

    Raises:
        RequestError: 401 in the same words and after the same work, whether there is an account or not; 429.
    """
    count_try(gallery, SIGN_IN_PLACE, place)
    count_try(gallery, SIGN_IN_ADDRESS, email.lower())
    with gallery.transaction() as db:
        user = find_user(db, email)
    right = gallery.passwords.is_right(user.password if user else None, password)
    if user is None or not right or user.blocked:
        raise RequestError(401, "sign-in", "Address and password do not go together.", remedy="Try again.")
    with gallery.transaction() as db:
        return user, begin_session(db, gallery, user, agent)


def forgot(gallery: Gallery, email: str, place: str) -> Mail | None:
    """A mail with a link for a new password, where there is an account; the answer and the work are the same without."""
    count_try(gallery, MAIL_PLACE, place)
    count_try(gallery, MAIL_ADDRESS, email.lower())
    with gallery.transaction() as db:
        user = find_user(db, email)
        token = new_token(db, "reset", email.lower(), gallery.clock())
    if user is None or user.blocked:
        return None
    text = f"Open this link within an hour:\n\n{gallery.settings.public_url}/reset#token={token}\n"
    return Mail(to=user.email, subject="A new password", text=text)


def reset(gallery: Gallery, token: str, password: str) -> None:
    """Set a new password; every session of the user ends, and every passkey: whoever lost the account knows of none."""
    with gallery.transaction() as db:
        found = use_token(db, "reset", token, gallery.clock())
        user = find_user(db, found.email)
        if user is None:
            raise invalid("This link does not hold any more.", "Ask for a new one.")
        user.password = gallery.passwords.hash(password, email=user.email)
        end_sessions(db, user.id)
        db.execute(delete(Passkey).where(Passkey.user_id == user.id))
        note(db, gallery.clock(), user.email, "password-reset")
