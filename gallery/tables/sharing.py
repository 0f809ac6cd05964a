"""Albums, links for strangers, and what strangers report."""

import datetime
import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id


class Album(Base):
    """A user's pictures under a title."""

    __tablename__ = "albums"
    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(120))
    created: Mapped[datetime.datetime]


class AlbumPicture(Base):
    """That a picture is in an album."""

    __tablename__ = "album_pictures"
    album_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True)
    picture_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("pictures.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Share(Base):
    """A link to one picture; of its token only the sha256 is known here."""

    __tablename__ = "shares"
    id: Mapped[Id]
    picture_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pictures.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    password: Mapped[str | None] = mapped_column(String(200))
    created: Mapped[datetime.datetime]
    expires: Mapped[datetime.datetime]
    ended: Mapped[datetime.datetime | None]


class Takedown(Base):
    """A report on a shared picture; its id is the receipt. It is decided within 48 hours, or the picture goes."""

    __tablename__ = "takedowns"
    __table_args__ = (
        CheckConstraint("decision IN ('remove', 'keep')", name="decision"),
        Index("ix_takedowns_open", "due", postgresql_where=text("decided IS NULL")),
    )
    id: Mapped[Id]
    picture_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pictures.id", ondelete="CASCADE"))
    share_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("shares.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(String(20))
    statement: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime.datetime]
    due: Mapped[datetime.datetime]
    reminders: Mapped[int] = mapped_column(default=0)
    decided: Mapped[datetime.datetime | None]
    decision: Mapped[str | None] = mapped_column(String(10))
    by: Mapped[str | None] = mapped_column(String(254))
    withdrawn: Mapped[int] = mapped_column(default=0)
