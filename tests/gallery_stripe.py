"""Payments in a gallery that sells, and what the fake Stripe tells of them."""

import uuid
from typing import Any

import httpx
from gallery_world import Browser, World, client_of
from sqlalchemy import text

OWED = "SELECT account, sum(cents) FROM entries GROUP BY account ORDER BY account"


def answer_of(url: str, **query: Any) -> Any:
    """What the fake Stripe says; without TLS no certificates are read, which takes 30 ms."""
    return httpx.get(url, params=query or None, verify=False).json()


def told(world: World, event: dict[str, str]) -> bool:
    """The webhook, as Stripe calls it."""
    headers = {"stripe-signature": event["signature"]}
    answer = client_of(world).post("/api/money/webhook", content=event["payload"], headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["booked"]


def pay(world: World, browser: Browser, cents: int = 1000) -> str:
    """A payment that was made and booked; gives its id."""
    url = browser.post("/money/checkout", {"cents": cents, "attempt": str(uuid.uuid4())}).json()["url"]
    assert told(world, answer_of(url))
    return url.rpartition("/")[2]


def again(world: World, name: str) -> Browser:
    """Somebody's browser after a restart."""
    return world.browser().sign_in(f"{name}@example.org")


def balances(world: World) -> dict[str, int]:
    """Cents by account; whatever was booked adds up to nothing."""
    with world.gallery.transaction() as db:
        found = {row[0].partition(":")[0]: int(row[1]) for row in db.execute(text(OWED))}
    assert sum(found.values()) == 0
    return {account: cents for account, cents in found.items() if cents}


def back(owner: Browser, payment: str, cents: int | None = None, attempt: str | None = None) -> Any:
    body = {"payment": payment, "cents": cents, "attempt": attempt or str(uuid.uuid4())}
    return owner.post("/admin/refunds", body)
