"""A card's bank disputes a payment: credits follow the money, whatever is told first and however often."""

import itertools
from typing import Any

import pytest
from gallery_stripe import answer_of, back, balances, pay, told
from gallery_world import Browser, World
from sqlalchemy import text

from fakes.server import FakeServers


def event(stripe: FakeServers, payment: str, status: str, at: int, **more: int) -> dict[str, str]:
    """Stripe's word of a payment's dispute, at a time of its own."""
    return answer_of(f"{stripe.stripe_url}/disputed/{payment}", status=status, created=at, **more)


def line(owner: Browser) -> dict[str, Any]:
    """The only payment, as owners see it."""
    (item,) = owner.get("/admin/payments").json()["items"]
    return item


def test_credits_of_a_disputed_payment_are_set_aside_and_nothing_of_it_goes_back(
    selling: World, stripe: FakeServers
) -> None:
    owner, (ann, version) = selling.user("owner", "owner"), selling.drawing()
    payment = pay(selling, ann)
    opened = event(stripe, payment, "needs_response", 1)
    assert [told(selling, opened), told(selling, opened)] == [True, False]
    assert balances(selling) == {"disputed": 1000, "stripe": -1000}
    assert ann.post("/generations", {"version_id": version, "prompt": "smiling"}).status_code == 402
    assert back(owner, payment, 100).status_code == 409
    shown = line(owner)["disputes"]
    assert [(one["state"], one["cents"], one["reason"]) for one in shown] == [("open", 1000, "fraudulent")]
    assert shown[0]["due"]
    assert ann.get("/money").json()["entries"][0]["text"] == "Your bank disputes a payment"
    assert [one["action"] for one in owner.get("/admin/audit").json()["items"]].count("dispute") == 1


@pytest.mark.parametrize(("status", "kept"), [("won", 1000), ("prevented", 1000), ("lost", 0)])
def test_the_end_of_a_dispute_is_booked_once_in_whatever_order_it_is_told(
    selling: World, stripe: FakeServers, status: str, kept: int
) -> None:
    ann, here = selling.user("ann"), 0
    for order in itertools.permutations(range(3)):
        payment = pay(selling, ann)
        words = [event(stripe, payment, name, at) for at, name in
                 enumerate(("warning_needs_response", "needs_response", status), 1)]  # fmt: skip
        for which in (*order, *order):
            told(selling, words[which])
        here += kept
        assert balances(selling) == ({"user": here, "stripe": -here} if here else {})


def test_an_inquiry_moves_no_credits(selling: World, stripe: FakeServers) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    assert told(selling, event(stripe, payment, "warning_needs_response", 1)) is True
    assert balances(selling) == {"user": 1000, "stripe": -1000}
    assert line(owner)["disputes"][0]["state"] == "inquiry"
    assert back(owner, payment, 100).json()["status"] == "done"


def test_a_lost_dispute_of_spent_credits_is_owed_and_one_that_is_won_after_all_is_not(
    selling: World, stripe: FakeServers
) -> None:
    ann, version = selling.drawing()
    payment = pay(selling, ann)
    selling.drawn(ann, version, 3)
    told(selling, event(stripe, payment, "lost", 5))
    assert balances(selling) == {"user": -150, "gallery": 150}
    assert ann.get("/money").json()["balance"] == -1.5
    refused = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1})
    assert (refused.status_code, "you have $0.00" in refused.json()["error"]["sentence"]) == (402, True)
    assert told(selling, event(stripe, payment, "won", 9)) is True
    assert balances(selling) == {"user": 850, "gallery": 150, "stripe": -1000}


def test_a_part_that_is_disputed_leaves_the_rest(selling: World, stripe: FakeServers) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    told(selling, event(stripe, payment, "needs_response", 1, amount=400))
    assert balances(selling) == {"user": 600, "disputed": 400, "stripe": -1000}
    assert back(owner, payment).json()["cents"] == 600


def test_a_dispute_that_is_told_before_its_payment_waits_for_it(selling: World, stripe: FakeServers) -> None:
    ann = selling.user("ann")
    body = {"cents": 1000, "attempt": "00000000-0000-0000-0000-000000000001"}
    url = ann.post("/money/checkout", body).json()["url"]
    paid = answer_of(url)
    assert told(selling, event(stripe, url.rpartition("/")[2], "needs_response", 1)) is False
    assert balances(selling) == {}
    assert told(selling, paid) is True
    assert balances(selling) == {"disputed": 1000, "stripe": -1000}


def test_a_dispute_of_another_programs_payment_is_nobodys(selling: World, stripe: FakeServers) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    with selling.gallery.transaction() as db:
        db.execute(text("UPDATE payments SET intent = 'pi_of_somebody_else'"))
    assert told(selling, event(stripe, payment, "needs_response", 1)) is False
    assert balances(selling) == {"user": 1000, "stripe": -1000}
    assert line(owner)["disputes"] == []
