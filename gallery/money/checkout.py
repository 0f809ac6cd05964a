"""A payment begun: Stripe's own page takes the card, and its webhook says later what was paid.

Source: Stripe, "Create a Checkout Session" (API v1, form-encoded, `Idempotency-Key`), read 2026-11.
"""

import uuid
from urllib.parse import urlsplit

import httpx

from gallery.accounts.tries import CHECKOUT, count_try
from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.money.stripe import post
from gallery.settings import LOOPBACK
from gallery.tables import User

PAGES = "stripe.com"
LEAST_CENTS, MOST_CENTS = 100, 500_00


def begin(gallery: Gallery, user: User, cents: int, attempt: uuid.UUID) -> str:
    """The address of the page on which the user pays; the same `attempt` is the same payment.

    Raises:
        RequestError: 404 where nothing is sold; 429; 503 where Stripe does not answer as it should.
    """
    settings = gallery.settings
    if not settings.sells:
        raise not_there()
    count_try(gallery, CHECKOUT, str(user.id))
    form = {
        "mode": "payment",
        "client_reference_id": str(user.id),
        "customer_email": user.email,
        "success_url": f"{settings.public_url}/money?paid=1",
        "cancel_url": f"{settings.public_url}/money",
        "adaptive_pricing[enabled]": "false",  # in another currency nothing could be booked
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": str(cents),
        "line_items[0][price_data][product_data][name]": "Credits",
    }
    try:
        page = str(
            post(settings, "checkout/sessions", form, f"{user.id}:{attempt}").raise_for_status().json()["url"]
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise _no_answer() from error
    if not _is_stripes(page, settings.stripe_url):
        raise _no_answer()
    return page


def _is_stripes(page: str, api: str) -> bool:
    """Whether an address is a page of Stripe's: nobody is sent elsewhere with a card in the hand."""
    host, at_home = urlsplit(page).hostname or "", urlsplit(api).hostname in LOOPBACK
    if at_home:  # a fake
        return host in LOOPBACK
    return urlsplit(page).scheme == "https" and (host == PAGES or host.endswith(f".{PAGES}"))


def _no_answer() -> RequestError:
    return RequestError(
        503, "payment", "Payments do not work just now.", remedy="Try again later; nothing was taken."
    )
