"""Money back: from a card's payment by an owner, from Stripe's own pages, and for pictures that are not like the person."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gallery_stripe import again, answer_of, back, balances, pay, told
from gallery_world import World
from sqlalchemy import text

from fakes.server import FakeServers
from fakes.stripe import KEY
from gallery.money.refunds import finish_all
from gallery.money.stripe import post


def stripes_number(world: World) -> str:
    with world.gallery.transaction() as db:
        return db.execute(text("SELECT stripe_id FROM refunds")).scalar_one()


def test_the_same_attempt_is_one_refund_however_often_it_is_sent_and_told(
    selling: World, stripe: FakeServers
) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment, attempt = pay(selling, ann), str(uuid.uuid4())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: back(owner, payment, 300, attempt), range(4)))
    assert {one.status_code for one in answers} == {201}
    assert back(owner, payment, 300, attempt).json()["status"] == "done"
    event = answer_of(f"{stripe.stripe_url}/told/{stripes_number(selling)}")
    assert [told(selling, event), told(selling, event)] == [False, False]
    assert balances(selling) == {"user": 700, "stripe": -700}
    assert ann.get("/money").json()["entries"][0]["text"] == "Back to your card"
    shown = owner.get("/admin/payments").json()["items"][0]
    assert (shown["id"], shown["cents"], shown["refunded"], shown["email"]) == (
        payment, 1000, 300, "ann@example.org")  # fmt: skip


def test_two_refunds_at_once_give_no_more_than_was_paid(selling: World) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    selling_other = pay(selling, ann)
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(lambda _: back(owner, payment, 600).status_code, range(4)))
    assert codes == [201, 409, 409, 409]
    assert back(owner, payment).json()["cents"] == 400
    assert back(owner, payment).status_code == 409
    assert back(owner, selling_other, 1001).status_code == 409
    assert balances(selling) == {"user": 1000, "stripe": -1000}


def test_spent_credits_do_not_go_back_to_the_card(selling: World) -> None:
    owner, (ann, version) = selling.user("owner", "owner"), selling.drawing()
    payment = pay(selling, ann)
    selling.drawn(ann, version, 3)
    assert back(owner, payment, 900).status_code == 409
    assert back(owner, payment).json()["cents"] == 850
    assert ann.post("/generations", {"version_id": version, "prompt": "smiling"}).status_code == 402
    assert balances(selling) == {"gallery": 150, "stripe": -150}


def test_credits_are_set_aside_while_stripe_is_away_and_go_when_it_answers(
    selling: World, stripe: FakeServers
) -> None:
    owner, (ann, version) = selling.user("owner", "owner"), selling.drawing()
    payment, attempt = pay(selling, ann, 100), str(uuid.uuid4())
    selling.set(stripe_url="http://127.0.0.1:9")
    owner, ann = again(selling, "owner"), again(selling, "ann")
    assert back(owner, payment, 100, attempt).status_code == 503
    assert (
        ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1}).status_code == 402
    )
    assert finish_all(selling.gallery) == 0
    assert balances(selling) == {"refunding": 100, "stripe": -100}
    selling.set(stripe_url=stripe.stripe_url)
    owner = again(selling, "owner")
    assert finish_all(selling.gallery) == 1
    assert finish_all(selling.gallery) == 0
    assert balances(selling) == {}
    other = back(owner, payment, 50, attempt)
    assert (other.status_code, other.json()["error"]["reason"]) == (409, "attempt")


def answer_lost(*told: Any) -> httpx.Response:
    post(*told)
    raise httpx.ReadTimeout("the answer was lost")


@pytest.mark.parametrize("others", [0, 101], ids=["alone", "among many"])
def test_a_refund_whose_answer_was_lost_is_not_made_again_when_stripe_has_forgotten_the_request(
    selling: World, stripe: FakeServers, others: int
) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment, attempt = pay(selling, ann), str(uuid.uuid4())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gallery.money.refunds.post", answer_lost)
        assert back(owner, payment, 300, attempt).status_code == 503
    form = {"payment_intent": f"pi_{payment}", "amount": "1"}
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as stripes:
        for _ in range(others):
            stripes.post(f"{stripe.stripe_url}/v1/refunds", data=form)
    httpx.post(f"{stripe.stripe_url}/forget")
    selling.pass_time(hours=25)
    assert finish_all(selling.gallery) == 1
    assert balances(selling) == {"user": 700, "stripe": -700}
    query = {"payment_intent": f"pi_{payment}", "limit": 100}
    made = httpx.get(
        f"{stripe.stripe_url}/v1/refunds", params=query, headers={"authorization": f"Bearer {KEY}"}
    )
    assert [one["amount"] for one in made.json()["data"] if one["amount"] != 1] == [300] * (others == 0)
    again_made = owner.post("/admin/refunds", {"payment": payment, "cents": 300, "attempt": attempt})
    assert again_made.json()["status"] == "done"


def test_where_stripe_does_not_say_what_it_made_nothing_is_asked_for(selling: World) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "gallery.money.refunds.get",
            lambda *_: httpx.Response(429, request=httpx.Request("GET", "http://x")),
        )
        patch.setattr("gallery.money.refunds.post", lambda *_: pytest.fail("asked for"))
        assert back(owner, payment, 300).status_code == 503
    assert balances(selling) == {"user": 700, "refunding": 300, "stripe": -1000}
    assert finish_all(selling.gallery) == 1


def test_a_refund_that_stripe_refuses_gives_the_credits_back(selling: World) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    with selling.gallery.transaction() as db:
        db.execute(text("UPDATE payments SET intent = 'pi_of_another_account'"))
    assert back(owner, payment).json()["status"] == "failed"
    assert balances(selling) == {"user": 1000, "stripe": -1000}


def test_a_refund_that_the_bank_sends_back_later_is_booked_back_once(
    selling: World, stripe: FakeServers
) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    back(owner, pay(selling, ann), 400)
    event = answer_of(f"{stripe.stripe_url}/told/{stripes_number(selling)}?failed")
    assert [told(selling, event), told(selling, event)] == [True, False]
    assert balances(selling) == {"user": 1000, "stripe": -1000}


@pytest.mark.parametrize("early", [False, True])
def test_a_refund_on_stripes_own_page_is_taken_off_the_credits_whichever_is_told_first(
    selling: World, stripe: FakeServers, early: bool
) -> None:
    ann = selling.user("ann")
    url = ann.post("/money/checkout", {"cents": 1000, "attempt": str(uuid.uuid4())}).json()["url"]
    paid = answer_of(url)
    if not early:
        told(selling, paid)
    form = {"payment_intent": f"pi_{url.rpartition('/')[2]}", "amount": "1000"}
    headers = {"authorization": f"Bearer {KEY}"}
    made = httpx.post(f"{stripe.stripe_url}/v1/refunds", data=form, headers=headers).json()
    event = answer_of(f"{stripe.stripe_url}/told/{made['id']}")
    assert told(selling, event) is not early
    if early:
        told(selling, paid)
    assert told(selling, event) is False
    assert balances(selling) == {}


def test_only_owners_refund_and_only_what_is_there(selling: World) -> None:
    owner, ann = selling.user("owner", "owner"), selling.user("ann")
    payment = pay(selling, ann)
    assert back(ann, payment).status_code == 403
    assert ann.get("/admin/payments").status_code == 403
    assert back(owner, "cs_nothing").status_code == 404
    selling.set(stripe_secret=None)
    owner, ann = again(selling, "owner"), again(selling, "ann")
    assert back(owner, payment).status_code == 404
    assert ann.get("/money").json()["sells"] is False


def test_a_picture_less_like_the_person_than_promised_is_kept_and_costs_no_credits(selling: World) -> None:
    selling.set(free_below=0.71)  # the pictures of these tests have .7
    ann, version = selling.drawing(per_day=2)
    pay(selling, ann)
    pictures = selling.drawn(ann, version, 2)
    assert len(pictures) == 2
    assert balances(selling) == {"user": 1000, "stripe": -1000}
    words = [one["text"] for one in ann.get("/money").json()["entries"]]
    assert words.count("Less like the person than promised") == 2
    assert ann.post("/generations", {"version_id": version, "prompt": "smiling"}).status_code == 429


def test_such_a_picture_that_is_lost_later_is_not_given_back_twice(selling: World) -> None:
    from gallery.pictures.sweeping import sweep

    selling.set(free_below=0.71)
    ann, version = selling.drawing()
    pay(selling, ann)
    one = selling.drawn(ann, version)[0]
    selling.gallery.store.delete([f"{one['generation_id']}/0.png", f"{one['generation_id']}/0.jpg"])
    assert len(sweep(selling.gallery, all_of_it=True).lost) == 1
    assert balances(selling) == {"user": 1000, "stripe": -1000}


def test_a_picture_above_the_floor_costs_what_it_costs(selling: World) -> None:
    selling.set(free_below=0.7)
    ann, version = selling.drawing()
    pay(selling, ann)
    selling.drawn(ann, version)
    assert balances(selling) == {"user": 950, "gallery": 50, "stripe": -1000}
