"""Credits in cents: every transaction's lines add up to nothing, and no line is ever changed."""

import datetime
import uuid

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id


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


class Payment(Base):
    """What somebody paid by Stripe: `id` is the checkout's, `intent` the payment's, by which money goes back."""

    __tablename__ = "payments"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    intent: Mapped[str | None] = mapped_column(String(200), unique=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    cents: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime.datetime]


class Dispute(Base):
    """A payment that the card's bank disputes: `id` is Stripe's. `told`: the time of Stripe's last word that counts; `booked`: the
    state by which the credits were moved last, `moves` times in all; `due`: until when Stripe wants an answer."""

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("state IN ('inquiry', 'open', 'won', 'lost')", name="state"),
        CheckConstraint("cents > 0", name="cents"),
    )
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    intent: Mapped[str] = mapped_column(String(200), index=True)
    cents: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(10))
    told: Mapped[int] = mapped_column(BigInteger)
    booked: Mapped[str] = mapped_column(String(10))
    moves: Mapped[int]
    due: Mapped[datetime.datetime | None]
    at: Mapped[datetime.datetime]


class Refund(Base):
    """Money that goes back to a card. `asked`: the credits are set aside and Stripe has not said yet what came of it; `early`:
    Stripe told of it before it told of the payment."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("status IN ('asked', 'early', 'done', 'failed')", name="status"),
        CheckConstraint("cents > 0", name="cents"),
    )
    id: Mapped[Id]
    intent: Mapped[str] = mapped_column(String(200), index=True)
    cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(10))
    stripe_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    at: Mapped[datetime.datetime]
