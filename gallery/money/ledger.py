"""Double entry: what one account loses another one gets, in one transaction, once for each thing."""

import datetime
import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.tables import Entry, Generation, User
from likeness.formatting import format_usd

GALLERY = "gallery"
STRIPE = "stripe"
GIVEN = "given"
"""Where credits come from that an owner gives."""


def user_account(user_id: uuid.UUID) -> str:
    """A user's account."""
    return f"user:{user_id}"


def balance(db: Session, account: str) -> int:
    """Cents."""
    return int(
        db.scalar(select(func.coalesce(func.sum(Entry.cents), 0)).where(Entry.account == account)) or 0
    )


def book(db: Session, key: str, source: str, target: str, cents: int, at: datetime.datetime) -> None:
    """Move cents from one account to another. The same `key` a second time is refused by the database."""
    transaction = uuid.uuid4()
    for account, value in ((source, -cents), (target, cents)):
        db.add(Entry(transaction=transaction, key=key, account=account, cents=value, at=at))
    db.flush()


def is_booked(db: Session, key: str) -> bool:
    """Whether a thing was booked."""
    return db.scalar(select(Entry.id).where(Entry.key == key).limit(1)) is not None


def alone(db: Session, intent: str) -> None:
    """What Stripe tells of one payment is read one after the other: a payment and its refund at once would miss each other."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(intent, 0))))


def take(db: Session, gallery: Gallery, generation: Generation) -> None:
    """Take the price of a generation. The user's line stays locked until the end: two wishes at once spend one after the other.
    The lock is the weaker one, which the lines that name the user, and are there already, do not hold up.

    Raises:
        RequestError: 402.
    """
    db.execute(select(User.id).where(User.id == generation.user_id).with_for_update(key_share=True))
    account, price = user_account(generation.user_id), gallery.settings.price_cents
    if (has := balance(db, account)) < price * generation.count:
        costs, there = format_usd(price * generation.count / 100), format_usd(max(0, has) / 100)
        raise RequestError(
            402,
            "credits",
            f"This costs {costs}, and you have {there}.",
            remedy="Get more credits, or ask for fewer pictures.",
        )
    generation.price_cents = price
    if price:
        book(db, f"take:{generation.id}", account, GALLERY, price * generation.count, gallery.clock())
