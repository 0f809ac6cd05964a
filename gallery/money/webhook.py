"""What Stripe's webhook says, each thing once: payments that came, money that went back, and what a bank disputes."""

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.money.disputes import DISPUTES, book_disputes, take_in_dispute
from gallery.money.ledger import STRIPE, alone, book, is_booked, user_account
from gallery.money.refunds import book_early, take_in_refund
from gallery.money.stripe import check_signature
from gallery.tables import Payment, Told, User

PAID = "checkout.session.completed"
REFUNDS = ("refund.created", "refund.updated", "refund.failed")


class Paid(BaseModel):
    """A checkout that ended; `client_reference_id` is the user's id."""

    id: str = Field(min_length=1, max_length=200)
    payment_intent: str | None = Field(default=None, min_length=1, max_length=200)
    payment_status: str
    amount_total: Annotated[int, Field(gt=0, le=10_000_00)]
    currency: Literal["usd"]
    client_reference_id: uuid.UUID


def take_in(gallery: Gallery, payload: bytes, header: str) -> bool:
    """Book what was paid, went back or is disputed; False where there is nothing to book: another event, a replay, what is booked.

    Raises:
        RequestError: 400: not signed, or it cannot be read.
    """
    check_signature(gallery, payload, header)
    event: Any = json.loads(payload)
    with gallery.transaction() as db:
        told = insert(Told).values(id=str(event["id"])[:255], at=gallery.clock()).on_conflict_do_nothing()
        if db.execute(told.returning(Told.id)).scalar_one_or_none() is None:
            return False
        if event["type"] == PAID:
            return _take_in_payment(db, gallery, event["data"]["object"])
        if event["type"] in DISPUTES:
            return take_in_dispute(db, gallery, event["data"]["object"], int(event["created"]))
        return event["type"] in REFUNDS and take_in_refund(db, gallery, event["data"]["object"])


def _take_in_payment(db: Session, gallery: Gallery, told: object) -> bool:
    try:
        paid = Paid.model_validate(told)
    except ValidationError as error:
        raise RequestError(400, "payment", "This payment cannot be read.") from error
    alone(db, paid.payment_intent or paid.id)
    key, user = f"paid:{paid.id}", paid.client_reference_id
    if paid.payment_status != "paid" or is_booked(db, key) or db.get(User, user) is None:
        return False
    book(db, key, STRIPE, user_account(user), paid.amount_total, gallery.clock())
    payment = Payment(
        id=paid.id, intent=paid.payment_intent, user_id=user, cents=paid.amount_total, at=gallery.clock()
    )
    db.add(payment)
    book_early(db, gallery, payment)
    book_disputes(db, gallery, payment)
    return True
