"""Who may come in: users, their sessions, invitations, one-time tokens and counters of tries."""

import datetime
import uuid
from typing import Literal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id

Role = Literal["owner", "member", "guest"]


class User(Base):
    """An account; e-mail addresses are kept in lower case."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role IN ('owner', 'member', 'guest')", name="role"),)
    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    password: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(8))
    blocked: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime.datetime]


class SignedIn(Base):
    """A session on the server: of the cookie only the sha256 is known here."""

    __tablename__ = "sessions"
    id: Mapped[Id]
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    agent: Mapped[str] = mapped_column(String(200))
    created: Mapped[datetime.datetime]
    seen: Mapped[datetime.datetime]
    expires: Mapped[datetime.datetime]


class Passkey(Base):
    """A public key that signs its user in; `uses` is the authenticator's own counter, which a copy of it would fall behind."""

    __tablename__ = "passkeys"
    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    uses: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(80))
    created: Mapped[datetime.datetime]
    used: Mapped[datetime.datetime | None]


class Token(Base):
    """A one-time link in a mail (an invitation, a confirmation, a new password), or the challenge of a passkey; by sha256."""

    __tablename__ = "tokens"
    id: Mapped[Id]
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(12))
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(8), default="member")
    name: Mapped[str] = mapped_column(String(80), default="")
    password: Mapped[str] = mapped_column(String(200), default="")
    created: Mapped[datetime.datetime]
    expires: Mapped[datetime.datetime]


class Tries(Base):
    """How often something was tried in a window of time."""

    __tablename__ = "tries"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    window: Mapped[datetime.datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
