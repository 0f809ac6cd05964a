"""What Stripe's webhook says: signed, not older than five minutes, and each payment once.

Source: Stripe, "Webhook signatures" (`Stripe-Signature: t=...,v1=HMAC-SHA256(secret, t.payload)`), read 2026-11.
"""

import hashlib
import hmac
import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.money.ledger import STRIPE, book, user_account
from gallery.tables import Entry, Told, User

TOLERANCE_SECONDS = 300


class Paid(BaseModel):
    """A checkout that ended; `client_reference_id` is the user's id."""

    id: str = Field(min_length=1, max_length=200)
    payment_status: str
    amount_total: Annotated[int, Field(gt=0, le=10_000_00)]
    currency: Literal["usd"]
    client_reference_id: uuid.UUID


def check_signature(gallery: Gallery, payload: bytes, header: str) -> None:
    """See that Stripe sent this now.

    Raises:
        RequestError: 400.
    """
    secret = gallery.settings.stripe_webhook_secret
    if not gallery.settings.money or secret is None:
        raise not_there()
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit():
        raise _unsigned()
    signed = hmac.new(
        secret.get_secret_value().encode(), times[0].encode() + b"." + payload, hashlib.sha256
    ).hexdigest()
    given = [value for name, _, value in parts if name.strip() == "v1"]
    fresh = abs(gallery.clock().timestamp() - int(times[0])) <= TOLERANCE_SECONDS
    if not fresh or not any(hmac.compare_digest(signed.encode(), one.encode()) for one in given):
        raise _unsigned()


def take_in(gallery: Gallery, payload: bytes, header: str) -> bool:
    """Book what was paid; False where there is nothing to book: another event, a replay, a payment that is booked.

    Raises:
        RequestError: 400: not signed, or a payment that cannot be read.
    """
    check_signature(gallery, payload, header)
    event: Any = json.loads(payload)
    with gallery.transaction() as db:
        told = insert(Told).values(id=str(event["id"])[:255], at=gallery.clock()).on_conflict_do_nothing()
        if db.execute(told.returning(Told.id)).scalar_one_or_none() is None:
            return False
        if event["type"] != "checkout.session.completed":
            return False
        try:
            paid = Paid.model_validate(event["data"]["object"])
        except (ValidationError, KeyError) as error:
            raise RequestError(400, "payment", "This payment cannot be read.") from error
        key = f"paid:{paid.id}"
        known = db.scalar(select(Entry.id).where(Entry.key == key).limit(1))
        if (
            paid.payment_status != "paid"
            or known is not None
            or db.get(User, paid.client_reference_id) is None
        ):
            return False
        book(db, key, STRIPE, user_account(paid.client_reference_id), paid.amount_total, gallery.clock())
    return True


def _unsigned() -> RequestError:
    return RequestError(400, "signature", "This was not signed by whom it says.")
