"""Payments that a card's bank disputes. While that is open the money is not ours, and so the credits that it bought are set
aside; lost, they go where the money went; won, they are the user's again.

Source: Stripe, "The Dispute object" and "How disputes work" (API v1), read 2026-11: an inquiry (`warning_...`) moves no money;
a lost dispute may still be won later; events come in any order.
"""

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.money.ledger import STRIPE, alone, book, user_account
from gallery.tables import Dispute, Payment
from likeness.errors import without_control

DISPUTES = tuple(
    f"charge.dispute.{name}"
    for name in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
SET_ASIDE = "disputed"
STATE = {
    "warning_needs_response": "inquiry", "warning_under_review": "inquiry", "warning_closed": "won",
    "needs_response": "open", "under_review": "open", "prevented": "won", "won": "won", "lost": "lost",
}  # fmt: skip
RANK = {"inquiry": 0, "open": 1, "won": 2, "lost": 2}
COSTS = ("open", "lost")
"""States in which the money is not ours."""


class Deadline(BaseModel):
    due_by: int | None = None


class Said(BaseModel):
    """A dispute as Stripe describes it."""

    id: str = Field(min_length=1, max_length=200)
    payment_intent: str = Field(min_length=1, max_length=200)
    amount: Annotated[int, Field(gt=0, le=10_000_00)]
    currency: Literal["usd"]
    reason: Annotated[str, Field(max_length=100), AfterValidator(without_control)] = "general"
    status: str
    evidence_details: Deadline = Deadline()


def take_in_dispute(db: Session, gallery: Gallery, told: object, at: int) -> bool:
    """What the webhook says of a dispute at a time of Stripe's; False where nothing changes by it.

    Raises:
        RequestError: 400.
    """
    try:
        said = Said.model_validate(told)
        state = STATE[said.status]
    except (ValidationError, KeyError) as error:
        raise RequestError(400, "payment", "This dispute cannot be read.") from error
    alone(db, said.payment_intent)
    one = db.get(Dispute, said.id, with_for_update=True)
    if one is None:
        one = Dispute(
            id=said.id,
            intent=said.payment_intent,
            cents=said.amount,
            reason=said.reason,
            state=state,
            told=at,
            booked="won",
            moves=0,
            at=gallery.clock(),
        )
        db.add(one)
    elif (at, RANK[state]) < (one.told, RANK[one.state]) or one.intent != said.payment_intent:
        return False
    due = said.evidence_details.due_by
    one.state, one.told = state, at
    one.due = datetime.datetime.fromtimestamp(due, datetime.UTC) if due else None
    payment = db.scalar(select(Payment).where(Payment.intent == one.intent).with_for_update())
    return payment is not None and _settle(db, gallery, one, payment)


def book_disputes(db: Session, gallery: Gallery, payment: Payment) -> None:
    """Book the disputes of a payment that were told before it was."""
    db.flush()
    for one in db.scalars(select(Dispute).where(Dispute.intent == payment.intent).with_for_update()):
        _settle(db, gallery, one, payment)


def disputed(db: Session, intent: str) -> int:
    """Cents of a payment that a bank holds or took."""
    held = select(func.coalesce(func.sum(Dispute.cents), 0)).where(
        Dispute.intent == intent, Dispute.state.in_(COSTS)
    )
    return int(db.scalar(held) or 0)


def _settle(db: Session, gallery: Gallery, one: Dispute, payment: Payment) -> bool:
    """Bring the credits to where the money is. Credits that are spent already are owed: the account goes below nothing."""
    user = user_account(payment.user_id)
    place = {"open": SET_ASIDE, "lost": STRIPE}
    source, target = place.get(one.booked, user), place.get(one.state, user)
    changed, one.booked = one.booked != one.state, one.state
    if changed:
        note(db, gallery.clock(), "stripe", "dispute", payment=payment.id, state=one.state, cents=one.cents)
    if source != target:
        one.moves += 1
        name = "dispute" if source == user else "undispute" if target == user else "disputed"
        book(db, f"{name}:{one.id}:{one.moves}", source, target, one.cents, gallery.clock())
    return changed
