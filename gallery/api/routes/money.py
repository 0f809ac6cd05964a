"""Credits."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import Field
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from gallery.api.bodies import Body
from gallery.api.owner_shapes import Balance, Booked, CalculatorFigures, Money, PaymentLine, Repayment
from gallery.api.shapes import Address, Page
from gallery.api.visitors import GalleryDep, OwnerDep, UserDep
from gallery.audit import note
from gallery.errors import not_there
from gallery.generation.progress import seconds_a_picture
from gallery.money.checkout import LEAST_CENTS, MOST_CENTS, begin
from gallery.money.ledger import GIVEN, balance, book, user_account
from gallery.money.refunds import refund
from gallery.money.webhook import take_in
from gallery.tables import Dispute, Entry, Payment, Picture, Refund, Refused, User

router = APIRouter()
SHOWN = 100
WORDS = {"take": "Pictures asked for", "back": "Given back", "paid": "Paid", "given": "Given by an owner",
         "refund": "Back to your card",
         "unrefund": "Your card did not take it back", "dispute": "Your bank disputes a payment",
         "undispute": "Your bank took the dispute back",
         "unlike": "Less like the person than promised"}  # fmt: skip
MISSION = {"pictures_per_day": 500.0, "fixed_per_month": 180.0, "usd_per_hour": 0.0, "fee_share": 0.029, "fee_fixed": 0.3,
           "pictures_per_payment": 20.0}  # fmt: skip
"""500 pictures a day on a GPU of $180 a month, which is the fixed cost; a card's fee as Stripe's price list in the USA has it;
payments of $10."""


class Bought(Body):
    cents: int = Field(ge=LEAST_CENTS, le=MOST_CENTS)
    attempt: uuid.UUID


class Repaid(Body):
    payment: str = Field(min_length=1, max_length=200)
    attempt: uuid.UUID
    cents: int | None = Field(default=None, gt=0, le=10_000_00)


class Given(Body):
    user_id: uuid.UUID
    cents: int = Field(gt=0, le=1_000_000)


@router.get("/money", response_model=Money)
def get_money(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The user's credits, and the last movements."""
    account = user_account(user.id)
    with gallery.transaction() as db:
        after = func.sum(Entry.cents).over(order_by=Entry.id)
        own = select(Entry.id, Entry.at, Entry.key, Entry.cents, after.label("after")).where(
            Entry.account == account
        )
        lines = own.subquery()
        last = db.execute(select(lines).order_by(lines.c.id.desc()).limit(SHOWN))
        entries = [
            {
                "id": row[0],
                "created": row[1],
                "text": WORDS[row[2].partition(":")[0]],
                "amount": row[3] / 100,
                "balance": int(row[4]) / 100,
            }
            for row in last
        ]
        return {
            "enabled": gallery.settings.money,
            "balance": balance(db, account) / 100,
            "entries": entries,
            "price": gallery.settings.price_cents / 100,
            "sells": gallery.settings.sells,
            "free_below": gallery.settings.free_below,
        }


@router.post("/money/checkout", response_model=Address, status_code=201)
def post_checkout(body: Bought, gallery: GalleryDep, user: UserDep) -> dict[str, str]:
    """Begin a payment; the page is Stripe's. The same `attempt` again is the same payment."""
    return {"url": begin(gallery, user, body.cents, body.attempt)}


@router.post("/money/webhook", response_model=Booked)
async def post_webhook(
    request: Request, gallery: GalleryDep, stripe_signature: Annotated[str, Header(max_length=2000)] = ""
) -> dict[str, bool]:
    """What Stripe says; its signature stands for the token of our pages."""
    payload = await request.body()
    return {"booked": await run_in_threadpool(take_in, gallery, payload, stripe_signature)}


@router.get("/money/calculator", response_model=CalculatorFigures)
def get_calculator(gallery: GalleryDep, user: UserDep) -> dict[str, float]:
    """Figures to begin a calculation with: the price set here, what was measured here, and the mission's own."""
    with gallery.transaction() as db:
        pace = seconds_a_picture(db)
        refused = db.scalar(select(func.count()).select_from(Refused)) or 0
        drawn = db.scalar(select(func.count()).select_from(Picture)) or 0
    return {
        "price": gallery.settings.price_cents / 100,
        "seconds_per_picture": pace,
        "refund_share": refused / max(1, refused + drawn),
        **MISSION,
    }


@router.post("/admin/credits", response_model=Balance, status_code=201)
def post_credits(body: Given, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Give a user credits."""
    with gallery.transaction() as db:
        if db.get(User, body.user_id) is None:
            raise not_there()
        account = user_account(body.user_id)
        book(db, f"given:{uuid.uuid4()}", GIVEN, account, body.cents, gallery.clock())
        note(db, gallery.clock(), by.email, "credits-given", user=str(body.user_id), cents=body.cents)
        return {"balance": balance(db, account) / 100}


@router.get("/admin/payments", response_model=Page[PaymentLine])
def get_payments(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """The last payments, the newest first, with what went back of each and what banks dispute."""
    back = select(func.coalesce(func.sum(Refund.cents), 0)).where(
        Refund.intent == Payment.intent, Refund.status != "failed"
    )
    last = select(Payment, User.email, back.correlate(Payment).scalar_subquery()).join(User)
    with gallery.transaction() as db:
        rows = db.execute(last.order_by(Payment.at.desc(), Payment.id).limit(SHOWN)).all()
        told: dict[str | None, list[Dispute]] = {}
        of_these = select(Dispute).where(Dispute.intent.in_([row[0].intent for row in rows]))
        for one in db.scalars(of_these.order_by(Dispute.at, Dispute.id)):
            told.setdefault(one.intent, []).append(one)
        items = [
            {
                "id": row[0].id,
                "email": row[1],
                "cents": row[0].cents,
                "refunded": int(row[2]),
                "at": row[0].at,
                "disputes": told.get(row[0].intent, []),
            }
            for row in rows
        ]
    return {"items": items, "next": None}


@router.post("/admin/refunds", response_model=Repayment, status_code=201)
def post_refund(body: Repaid, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Give money of a payment back to the card; the same `attempt` again is the same refund."""
    one = refund(gallery, by, body.payment, body.cents, body.attempt)
    return {"id": one.id, "payment": body.payment, "cents": one.cents, "status": one.status}
