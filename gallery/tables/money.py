"""Credits in cents: every transaction's lines add up to nothing, and no line is ever changed."""

import datetime
import uuid

from sqlalchemy import BigInteger, Identity, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base


class Entry(Base):
    """One side of a transaction. `key` says what it is for: the same thing is never booked twice. A trigger refuses to change
    lines, and a transaction whose lines do not add up to nothing."""

    __tablename__ = "entries"
    __table_args__ = (UniqueConstraint("key", "account"), Index("ix_entries_account_id", "account", "id"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction: Mapped[uuid.UUID] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(String(300))
    account: Mapped[str] = mapped_column(String(60))
    cents: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime.datetime]


class Told(Base):
    """An event of Stripe's that was read: a replay does nothing."""

    __tablename__ = "told"
    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    at: Mapped[datetime.datetime]
