"""Stripe in test mode as far as the gallery calls it: a checkout is made, paid on its page, and told of in signed events.

Whoever opens the page of a checkout pays, and gets the event as Stripe would send it: `payload` and `signature`. Each time the
page is opened it is the same event, as Stripe sends one again that was not answered. A refund's event is on a page, too. After
`POST /stripe/forget` no request is known by its key any more, as a day later at Stripe.
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
        self._refunds: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        return [
            web.post("/stripe/v1/checkout/sessions", self._make, name="stripe.checkout"),
            web.get("/stripe/pay/{checkout}", self._pay, name="stripe.pay"),
            web.post("/stripe/v1/refunds", self._refund, name="stripe.refund"),
            web.get("/stripe/v1/refunds", self._list_refunds, name="stripe.refunds"),
            web.post("/stripe/forget", self._forget, name="stripe.forget"),
            web.get("/stripe/told/{refund}", self._tell_refund, name="stripe.told"),
            web.get("/stripe/disputed/{checkout}", self._tell_dispute, name="stripe.disputed"),
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
            "id": which,
            "object": "checkout.session",
            "livemode": False,
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": amount,
            "currency": currency,
            "client_reference_id": needed["client_reference_id"],
            "url": str(request.url.with_path(f"/stripe/pay/{which}")),
        }
        return web.json_response(self._checkouts.setdefault(which, made))

    async def _pay(self, request: web.Request) -> web.Response:
        made = self._checkouts.get(request.match_info["checkout"])
        if made is None:
            return _problem(404, "No such checkout.session")
        intent = f"pi_{request.match_info['checkout']}"
        made |= {"status": "complete", "payment_status": "paid", "payment_intent": intent, "url": None}
        return _told(f"evt_{made['id']}", "checkout.session.completed", made)

    async def _refund(self, request: web.Request) -> web.Response:
        """Money back: never more than was paid, and for the same key what was made before."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _problem(401, "Invalid API Key provided")
        form = await request.post()
        intent, amount = str(form["payment_intent"]), int(str(form["amount"]))
        paid = next((one for one in self._checkouts.values() if one.get("payment_intent") == intent), None)
        if paid is None:
            return _problem(404, "No such payment_intent")
        again = request.headers.get("idempotency-key", uuid.uuid4().hex)
        if (which := self._by_key.get(again)) is None:
            before = sum(one["amount"] for one in self._refunds.values() if one["payment_intent"] == intent)
            if before + amount > paid["amount_total"]:
                return _problem(400, "Refund amount is greater than unrefunded amount on charge")
            which = self._by_key[again] = f"re_{uuid.uuid4().hex}"
            self._refunds[which] = {
                "id": which,
                "object": "refund",
                "amount": amount,
                "currency": paid["currency"],
                "payment_intent": intent,
                "status": "succeeded",
                "metadata": {"refund": str(form.get("metadata[refund]", ""))},
            }
        return web.json_response(self._refunds[which])

    async def _list_refunds(self, request: web.Request) -> web.Response:
        """A payment's refunds, the newest first, a page at a time."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _problem(401, "Invalid API Key provided")
        intent, after = request.query["payment_intent"], request.query.get("starting_after")
        if all(one.get("payment_intent") != intent for one in self._checkouts.values()):
            return _problem(404, "No such payment_intent")
        found = [one for one in reversed(self._refunds.values()) if one["payment_intent"] == intent]
        begin = next((at + 1 for at, one in enumerate(found) if one["id"] == after), 0)
        page = found[begin : begin + int(request.query.get("limit", 10))]
        return web.json_response(
            {"object": "list", "data": page, "has_more": begin + len(page) < len(found), "url": "/v1/refunds"}
        )

    async def _forget(self, _: web.Request) -> web.Response:
        """A day went by: requests that come again are new ones."""
        self._by_key.clear()
        return web.json_response({})

    async def _tell_refund(self, request: web.Request) -> web.Response:
        """The event of a refund; with `?failed` the one that the bank did not take it."""
        made = self._refunds.get(request.match_info["refund"])
        if made is None:
            return _problem(404, "No such refund")
        kind = "refund.failed" if "failed" in request.query else "refund.created"
        told = made | {"status": "failed"} if "failed" in request.query else made
        return _told(f"evt_{kind}_{made['id']}", kind, told)

    async def _tell_dispute(self, request: web.Request) -> web.Response:
        """The event of a payment's dispute, in the `status` that is asked for, `created` when that says."""
        made = self._checkouts.get(request.match_info["checkout"])
        if made is None or "payment_intent" not in made:
            return _problem(404, "No such charge")
        status = request.query.get("status", "needs_response")
        kind = {
            "needs_response": "created",
            "warning_needs_response": "created",
            "under_review": "updated",
        }.get(status, "closed")
        dispute = {
            "id": f"dp_{made['id']}",
            "object": "dispute",
            "amount": int(request.query.get("amount", made["amount_total"])),
            "currency": made["currency"],
            "payment_intent": made["payment_intent"],
            "reason": "fraudulent",
            "status": status,
            "evidence_details": {"due_by": int(time.time()) + 7 * 86_400},
            "metadata": {},
        }
        at = int(request.query.get("created", time.time()))
        return _told(f"evt_{status}_{at}_{made['id']}", f"charge.dispute.{kind}", dispute, created=at)


def _told(event: str, kind: str, about: dict[str, Any], *, created: int | None = None) -> web.Response:
    """An event as the webhook gets it."""
    at = int(time.time())
    payload = json.dumps(
        {"id": event, "type": kind, "livemode": False, "created": created or at, "data": {"object": about}}
    )
    signed = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.{payload}".encode(), hashlib.sha256).hexdigest()
    return web.json_response({"payload": payload, "signature": f"t={at},v1={signed}"})


def _problem(status: int, words: str) -> web.Response:
    return web.json_response({"error": {"type": "invalid_request_error", "message": words}}, status=status)
