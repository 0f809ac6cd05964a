"""Money back to a card. The credits are set aside before Stripe is asked, so that nobody spends them meanwhile; what Stripe says
of the same refund, in its answer or by the webhook, however often and in whatever order, is booked once.

Source: Stripe, "Create a refund", "List all refunds", "The Refund object" and "Idempotent requests" (API v1), read 2026-11.
"""

import uuid
from contextlib import suppress
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.money.disputes import disputed
from gallery.money.ledger import STRIPE, alone, balance, book, user_account
from gallery.money.stripe import get, post
from gallery.tables import Payment, Refund, User
from likeness.formatting import format_usd

SET_ASIDE = "refunding"
REFUSED = range(400, 500)
NOT_OURS = (401, 403, 409, 429)
"""Answers that say nothing of the refund: a key, a limit, the same request just under way."""


AT_ONCE = 100
"""Refunds on one page of Stripe's list."""


class Listed(BaseModel):
    """A page of refunds."""

    data: list[dict[str, Any]]
    has_more: bool


class Told(BaseModel):
    """A refund as Stripe describes it."""

    id: str = Field(min_length=1, max_length=200)
    payment_intent: str = Field(min_length=1, max_length=200)
    amount: Annotated[int, Field(gt=0, le=10_000_00)]
    currency: Literal["usd"]
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    metadata: dict[str, str] = {}

    @property
    def failed(self) -> bool:
        """Whether the money stays with us."""
        return self.status in ("failed", "canceled")

    @property
    def ours(self) -> uuid.UUID | None:
        """The number that we gave it; None for one that began on Stripe's own pages."""
        try:
            return uuid.UUID(self.metadata["refund"])
        except (KeyError, ValueError):
            return None


def refund(gallery: Gallery, by: User, payment_id: str, cents: int | None, attempt: uuid.UUID) -> Refund:
    """Give money of a payment back: `cents`, or all that is left of it and not spent. The same `attempt` is the same refund.

    Raises:
        RequestError: 404; 409 where there is not so much to give back; 503 where Stripe does not answer: it is asked again.
    """
    if not gallery.settings.sells:
        raise not_there()
    with gallery.transaction() as db:
        payment = db.get(Payment, payment_id, with_for_update=True)
        if payment is None or payment.intent is None:
            raise not_there()
        one = db.get(Refund, attempt)
        if one is None:
            one = _set_aside(db, gallery, payment, payment.intent, cents, attempt)
            note(
                db,
                gallery.clock(),
                by.email,
                "refund",
                payment=payment.id,
                cents=one.cents,
                refund=str(attempt),
            )
        elif one.intent != payment.intent or cents not in (None, one.cents):
            raise RequestError(409, "attempt", "This attempt was another refund.", remedy="Begin a new one.")
    return finish(gallery, one) if one.status == "asked" else one


def _set_aside(
    db: Session, gallery: Gallery, payment: Payment, intent: str, cents: int | None, attempt: uuid.UUID
) -> Refund:
    db.execute(select(User.id).where(User.id == payment.user_id).with_for_update(key_share=True))
    account, gone = user_account(payment.user_id), _gone(db, intent) + disputed(db, intent)
    most = min(payment.cents - gone, balance(db, account))
    if most <= 0 or (cents is not None and cents > most):
        left = format_usd(max(0, most) / 100)
        raise RequestError(
            409,
            "credits",
            f"{left} of this payment can go back; the rest is spent, disputed or gone.",
            remedy="Ask for less.",
        )
    one = Refund(
        id=attempt, intent=intent, cents=most if cents is None else cents, status="asked", at=gallery.clock()
    )
    db.add(one)
    book(db, f"refund:{one.id}", account, SET_ASIDE, one.cents, gallery.clock())
    return one


def _gone(db: Session, intent: str) -> int:
    kept = select(func.coalesce(func.sum(Refund.cents), 0)).where(
        Refund.intent == intent, Refund.status != "failed"
    )
    return int(db.scalar(kept) or 0)


def finish(gallery: Gallery, one: Refund) -> Refund:
    """Ask Stripe for a refund whose credits are set aside; the same request as often as it takes. Stripe forgets after a day that
    it was asked, and so its refunds of the payment are looked through first: one that was made is not made again.

    Raises:
        RequestError: 503: Stripe did not say what became of it.
    """
    form = {"payment_intent": one.intent, "amount": str(one.cents), "metadata[refund]": str(one.id)}
    try:
        told = _made(gallery, one)
        if told is None:
            answer = post(gallery.settings, "refunds", form, f"refund:{one.id}")
            if answer.status_code in REFUSED and answer.status_code not in NOT_OURS:
                with gallery.transaction() as db:
                    return _end(db, gallery, one.id, failed=True)
            told = Told.model_validate(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError) as error:
        raise RequestError(
            503,
            "payment",
            "Stripe does not answer just now.",
            remedy="The credits are set aside, and Stripe is asked again.",
        ) from error
    with gallery.transaction() as db:
        return _end(db, gallery, one.id, failed=told.failed, stripe_id=told.id)


def _made(gallery: Gallery, one: Refund) -> Told | None:
    """The refund as Stripe has it already; None where it has none.

    Raises:
        httpx.HTTPError, ValueError: it did not say.
    """
    query = {"payment_intent": one.intent, "limit": str(AT_ONCE)}
    while True:
        answer = get(gallery.settings, "refunds", query)
        if answer.status_code in REFUSED and answer.status_code not in NOT_OURS:
            return None  # there is no such payment: the request itself will be refused
        said = Listed.model_validate(answer.raise_for_status().json())
        for each in said.data:
            if each.get("metadata", {}).get("refund") == str(one.id):
                return Told.model_validate(each)
        if not said.has_more:
            return None
        query["starting_after"] = str(said.data[-1]["id"])


def finish_all(gallery: Gallery) -> int:
    """Ask again for refunds that Stripe gave no answer to; gives how many ended."""
    if not gallery.settings.sells:
        return 0
    with gallery.transaction() as db:
        waiting = list(db.scalars(select(Refund).where(Refund.status == "asked").order_by(Refund.at)))
    ended = 0
    for one in waiting:
        with suppress(RequestError):
            ended += finish(gallery, one).status != "asked"
    return ended


def take_in_refund(db: Session, gallery: Gallery, told: object) -> bool:
    """What the webhook says of a refund; False where that is known, or the payment is nobody's here.

    Raises:
        RequestError: 400.
    """
    try:
        said = Told.model_validate(told)
    except ValidationError as error:
        raise RequestError(400, "payment", "This refund cannot be read.") from error
    alone(db, said.payment_intent)
    payment = db.scalar(select(Payment).where(Payment.intent == said.payment_intent).with_for_update())
    known = db.scalar(select(Refund).where(Refund.stripe_id == said.id))
    ours = db.get(Refund, said.ours) if said.ours else None
    one = known or (ours if ours and ours.intent == said.payment_intent else None)
    if one is not None:
        before = one.status
        return _end(db, gallery, one.id, failed=said.failed, stripe_id=said.id).status != before
    if said.failed:
        return False
    one = Refund(
        id=uuid.uuid4(),
        intent=said.payment_intent,
        cents=said.amount,
        status="early",
        stripe_id=said.id,
        at=gallery.clock(),
    )
    db.add(one)
    if payment is not None:
        book_early(db, gallery, payment)
    return payment is not None


def book_early(db: Session, gallery: Gallery, payment: Payment) -> None:
    """Take off the user's credits what Stripe gave back by itself. Credits that are spent already are owed: the account goes
    below nothing, and draws no more until it is filled."""
    db.flush()
    early = select(Refund).where(Refund.intent == payment.intent, Refund.status == "early")
    for one in db.scalars(early.with_for_update()):
        one.status = "done"
        book(db, f"refund:{one.id}", user_account(payment.user_id), STRIPE, one.cents, gallery.clock())


def _end(
    db: Session, gallery: Gallery, refund_id: uuid.UUID, *, failed: bool, stripe_id: str | None = None
) -> Refund:
    """Book what came of a refund: once done, and where it failed, even afterwards, once back to the user."""
    one = db.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)
    one.stripe_id = one.stripe_id or stripe_id
    place = {"asked": SET_ASIDE, "done": STRIPE}.get(one.status)
    if failed and one.status == "early":
        one.status = "failed"
    elif failed and place is not None:
        user = db.scalars(select(Payment.user_id).where(Payment.intent == one.intent)).one()
        book(db, f"unrefund:{one.id}", place, user_account(user), one.cents, gallery.clock())
        one.status = "failed"
    elif not failed and one.status == "asked":
        book(db, f"refunded:{one.id}", SET_ASIDE, STRIPE, one.cents, gallery.clock())
        one.status = "done"
    return one
