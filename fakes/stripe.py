"""Stripe in test mode as far as the gallery calls it: a checkout is made, paid on its page, and told of in signed events.

Whoever opens the page of a checkout pays, and gets the event as Stripe would send it: `payload` and `signature`. Each time the
page is opened it is the same event, as Stripe sends one again that was not answered.
"""

import hashlib
import hmac
import json
import time
import uuid
from typing import Any

from aiohttp import web

KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"


class Stripe:
    """One account in test mode."""

    def __init__(self) -> None:
        self._checkouts: dict[str, dict[str, Any]] = {}
        self._by_key: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.post("/stripe/v1/checkout/sessions", self._make, name="stripe.checkout"),
            web.get("/stripe/pay/{checkout}", self._pay, name="stripe.pay"),
        ]

    async def _make(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _problem(401, "Invalid API Key provided")
        form = await request.post()
        try:
            amount = int(str(form["line_items[0][price_data][unit_amount]"])) * int(
                str(form["line_items[0][quantity]"])
            )
            needed = {
                name: str(form[name]) for name in ("mode", "success_url", "cancel_url", "client_reference_id")
            }
            currency = str(form["line_items[0][price_data][currency]"])
        except (KeyError, ValueError) as error:
            return _problem(400, f"Missing required param: {error}")
        if amount < 50 or needed["mode"] != "payment":
            return _problem(400, "The Checkout Session's total amount must convert to at least 50 cents.")
        again = request.headers.get("idempotency-key", uuid.uuid4().hex)
        which = self._by_key.setdefault(again, f"cs_test_{uuid.uuid4().hex}")
        made = {
            "id": which, "object": "checkout.session", "livemode": False, "status": "open", "payment_status": "unpaid",
            "amount_total": amount, "currency": currency, "client_reference_id": needed["client_reference_id"],
            "url": str(request.url.with_path(f"/stripe/pay/{which}")),
        }  # fmt: skip
        return web.json_response(self._checkouts.setdefault(which, made))

    async def _pay(self, request: web.Request) -> web.Response:
        made = self._checkouts.get(request.match_info["checkout"])
        if made is None:
            return _problem(404, "No such checkout.session")
        made |= {"status": "complete", "payment_status": "paid", "url": None}
        made.setdefault("event", f"evt_{uuid.uuid4().hex}")
        told = {name: value for name, value in made.items() if name != "event"}
        event = {
            "id": made["event"],
            "type": "checkout.session.completed",
            "livemode": False,
            "data": {"object": told},
        }
        payload, at = json.dumps(event), int(time.time())
        signed = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
        return web.json_response({"payload": payload, "signature": f"t={at},v1={signed}"})


def _problem(status: int, words: str) -> web.Response:
    return web.json_response({"error": {"type": "invalid_request_error", "message": words}}, status=status)
