"""What Stripe's webhook says, each thing once: payments that came, money that went back, and what a bank disputes."""

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.money.disputes import DISPUTES, book_disputes, take_in_dispute
from gallery.money.ledger import STRIPE, alone, book, is_booked, user_account
from gallery.money.refunds import book_early, take_in_refund
from gallery.money.stripe import check_signature
from gallery.tables import Payment, Told, User

PAID = ("checkout.session.completed", "checkout.session.async_payment_succeeded")
"""The second one tells of money that comes days after the checkout ended: of a debit to an account."""
REFUNDS = ("refund.created", "refund.updated", "refund.failed")


class Buyer(BaseModel):
    """Whose checkout it is: the user's id, where it began here."""

    client_reference_id: uuid.UUID


class Paid(Buyer):
    """A checkout that ended."""

    id: str = Field(min_length=1, max_length=200)
    payment_intent: str | None = Field(default=None, min_length=1, max_length=200)
    payment_status: str
    amount_total: Annotated[int, Field(gt=0, le=10_000_00)]
    currency: Literal["usd"]


def take_in(gallery: Gallery, payload: bytes, header: str) -> bool:
    """Book what was paid, went back or is disputed; False where there is nothing to book: another event, a replay, what is booked,
    what another program sells by the same account of Stripe's.

    Raises:
        RequestError: 400: not signed, or it cannot be read; Stripe sends it again.
    """
    check_signature(gallery, payload, header)
    event: Any = json.loads(payload)
    kind, said = event["type"], event["data"]["object"]
    with gallery.transaction() as db:
        told = insert(Told).values(id=str(event["id"])[:255], at=gallery.clock()).on_conflict_do_nothing()
        if db.execute(told.returning(Told.id)).scalar_one_or_none() is None:
            return False
        if kind in PAID:
            return _is_users(db, said) and _take_in_payment(db, gallery, said)
        try:
            if kind in DISPUTES:
                return take_in_dispute(db, gallery, said, int(event["created"]))
            return kind in REFUNDS and take_in_refund(db, gallery, said)
        except RequestError:
            if _is_payments(db, said.get("payment_intent")):
                raise
            return False


def _is_users(db: Session, said: object) -> bool:
    try:
        return db.get(User, Buyer.model_validate(said).client_reference_id) is not None
    except ValidationError:
        return False


def _is_payments(db: Session, intent: object) -> bool:
    return (
        isinstance(intent, str) and db.scalar(select(Payment.id).where(Payment.intent == intent)) is not None
    )


def _take_in_payment(db: Session, gallery: Gallery, said: object) -> bool:
    try:
        paid = Paid.model_validate(said)
    except ValidationError as error:
        raise RequestError(400, "payment", "This payment cannot be read.") from error
    alone(db, paid.payment_intent or paid.id)
    key, user = f"paid:{paid.id}", paid.client_reference_id
    if paid.payment_status != "paid" or is_booked(db, key):
        return False
    book(db, key, STRIPE, user_account(user), paid.amount_total, gallery.clock())
    payment = Payment(
        id=paid.id, intent=paid.payment_intent, user_id=user, cents=paid.amount_total, at=gallery.clock()
    )
    db.add(payment)
    book_early(db, gallery, payment)
    book_disputes(db, gallery, payment)
    return True
