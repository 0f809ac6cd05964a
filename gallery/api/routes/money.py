"""Credits."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from pydantic import Field
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from gallery.api.bodies import Body
from gallery.api.visitors import GalleryDep, OwnerDep, UserDep
from gallery.audit import note
from gallery.errors import not_there
from gallery.generation.progress import seconds_a_picture
from gallery.money.calculator import month
from gallery.money.ledger import GIVEN, balance, book, user_account
from gallery.money.stripe import take_in
from gallery.tables import Entry, User

router = APIRouter()
SHOWN = 100


class Given(Body):
    user_id: uuid.UUID
    cents: int = Field(gt=0, le=1_000_000)


@router.get("/money")
def get_money(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The user's credits, and the last movements."""
    account = user_account(user.id)
    with gallery.transaction() as db:
        last = select(Entry).where(Entry.account == account).order_by(Entry.id.desc()).limit(SHOWN)
        entries = [
            {"at": one.at, "cents": one.cents, "what": one.key.partition(":")[0]} for one in db.scalars(last)
        ]
        return {"enabled": gallery.settings.money, "balance_cents": balance(db, account), "entries": entries,
                "price_cents": gallery.settings.price_cents}  # fmt: skip


@router.post("/money/webhook")
async def post_webhook(
    request: Request, gallery: GalleryDep, stripe_signature: Annotated[str, Header(max_length=2000)] = ""
) -> dict[str, bool]:
    """What Stripe says; its signature stands for the token of our pages."""
    payload = await request.body()
    return {"booked": await run_in_threadpool(take_in, gallery, payload, stripe_signature)}


@router.get("/money/calculator")
def get_calculator(
    gallery: GalleryDep, user: UserDep, price_cents: Annotated[int, Query(ge=0, le=100_000)] = 50,
    per_day: Annotated[int, Query(ge=0, le=10_000_000)] = 500,
    cost_cents: Annotated[int, Query(ge=0, le=100_000_000)] = 18_000,
    seconds: Annotated[float | None, Query(gt=0, le=86_400)] = None,
) -> dict[str, Any]:  # fmt: skip
    """A month with these figures; without `seconds`, with the mean that was measured here."""
    with gallery.transaction() as db:
        pace = seconds or seconds_a_picture(db)
    return {
        "seconds": pace,
        **vars(month(price_cents=price_cents, per_day=per_day, cost_cents=cost_cents, seconds=pace)),
    }


@router.post("/admin/credits", status_code=201)
def post_credits(body: Given, gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Give a user credits."""
    with gallery.transaction() as db:
        if db.get(User, body.user_id) is None:
            raise not_there()
        account = user_account(body.user_id)
        book(db, f"given:{uuid.uuid4()}", GIVEN, account, body.cents, gallery.clock())
        note(db, gallery.clock(), by.email, "credits-given", user=str(body.user_id), cents=body.cents)
        return {"balance_cents": balance(db, account)}
