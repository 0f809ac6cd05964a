"""Whose pictures are drawn: persons by consent record, their versions, who may use which, and what was revoked."""

import datetime
import uuid

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, UniqueConstraint, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id, Json


class Person(Base):
    """A person under one consent record; a new record is a new person here. `kinds` and `per_day` are what the person
    portrayed narrowed; `link` is the number that signed links carry: a new one ends the old links. `ended`: it was revoked; `lapsed`:
    no record is in force meanwhile."""

    __tablename__ = "people"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(32))
    consent_id: Mapped[str] = mapped_column(String(64), unique=True)
    consent_sha256: Mapped[str] = mapped_column(String(64))
    kinds: Mapped[list[str] | None] = mapped_column(JSONB)
    per_day: Mapped[int | None]
    link: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime.datetime]
    ended: Mapped[datetime.datetime | None]
    lapsed: Mapped[datetime.datetime | None]


class Version(Base):
    """A LoRA of a person: its file is called by its sha256."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("person_id", "weights_sha256"),)
    id: Mapped[Id]
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(80))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    trigger: Mapped[str] = mapped_column(String(64))
    class_word: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime.datetime]


class Right(Base):
    """Who may draw with a version: how many pictures a day, until when, for which kinds of prompt."""

    __tablename__ = "rights"
    __table_args__ = (
        UniqueConstraint("user_id", "version_id"),
        CheckConstraint("per_day >= 0", name="per_day"),
    )
    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"))
    per_day: Mapped[int]
    until: Mapped[datetime.datetime | None]
    kinds: Mapped[list[str]] = mapped_column(JSONB)
    created: Mapped[datetime.datetime]

    def has_ended(self, now: datetime.datetime) -> bool:
        """Whether its last day is over."""
        return self.until is not None and self.until <= now

    @classmethod
    def holds(cls, now: datetime.datetime) -> ColumnElement[bool]:
        """The contrary of `has_ended`, for a query."""
        return or_(cls.until.is_(None), cls.until > now)


class Revocation(Base):
    """A consent record that ended here; a trigger refuses to change or delete it."""

    __tablename__ = "revocations"
    consent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime.datetime]
    by: Mapped[str] = mapped_column(String(40))


class Receipt(Base):
    """What was done at somebody's word, counted; whoever has the id may read it."""

    __tablename__ = "receipts"
    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime.datetime]
    data: Mapped[Json]
