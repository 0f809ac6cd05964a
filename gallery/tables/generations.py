"""What was asked for, what came of it, and what the page is told of it."""

import datetime
import uuid

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id

ENDED = ("done", "failed", "cancelled")


class Generation(Base):
    """One wish: `count` pictures of one prompt. `charged` counts those that the quota and the credits were taken for and
    that were neither refused nor given back."""

    __tablename__ = "generations"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'drawing', 'done', 'failed', 'cancelled')", name="status"),
        CheckConstraint("charged BETWEEN 0 AND count", name="charged"),
        UniqueConstraint("user_id", "attempt", name="uq_generations_user_id_attempt"),
        Index("ix_generations_quota", "user_id", "version_id", "created"),
        Index("ix_generations_waiting", "created", postgresql_where=text("status IN ('queued', 'drawing')")),
        Index("ix_generations_list", "user_id", "created", "id"),
    )
    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("versions.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    prompt_kind: Mapped[str] = mapped_column(String(20))
    prompt: Mapped[str] = mapped_column(Text)
    negative: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    strength: Mapped[float]
    aspect: Mapped[str] = mapped_column(String(10))
    count: Mapped[int]
    charged: Mapped[int]
    price_cents: Mapped[int] = mapped_column(default=0, server_default="0")
    like_id: Mapped[uuid.UUID | None]
    attempt: Mapped[uuid.UUID | None]
    status: Mapped[str] = mapped_column(String(10))
    error: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    created: Mapped[datetime.datetime]
    started: Mapped[datetime.datetime | None]
    ended: Mapped[datetime.datetime | None]


class Refused(Base):
    """A picture that a gate refused: why, and nothing of it."""

    __tablename__ = "refused"
    generation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    )
    index: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(40))
    sentence: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime.datetime]


class Event(Base):
    """A generation changed: what a stream that was cut off goes on from."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_user_id_id", "user_id", "id"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    generation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("generations.id", ondelete="CASCADE"), index=True
    )
    created: Mapped[datetime.datetime] = mapped_column(index=True)
