"""Credits: nothing is lost, doubled or made up."""

import hashlib
import hmac
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gallery_stripe import answer_of
from gallery_world import Browser, World
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fakes.server import FakeServers
from gallery.money.checkout import _is_stripes
from gallery.money.ledger import book
from likeness.errors import InputError

SECRET = "whsec_test"


@pytest.fixture
def paying(world: World) -> World:
    """A gallery in which a picture costs 50 cents."""
    world.set(money=True, price_cents=50, stripe_webhook_secret=SecretStr(SECRET))
    return world


def paid(user: str, cents: int, **changes: Any) -> dict[str, Any]:
    session = {"id": f"cs_{uuid.uuid4().hex}", "payment_status": "paid", "amount_total": cents, "currency": "usd",
               "client_reference_id": user} | changes  # fmt: skip
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "type": "checkout.session.completed",
        "data": {"object": session},
    }


def tell(
    world: World, event: dict[str, Any], *, secret: str = SECRET, age: int = 0, payload: bytes | None = None
) -> Any:
    """The webhook, as Stripe calls it."""
    sent, at = json.dumps(event).encode(), int(world.now.timestamp()) - age
    signature = hmac.new(secret.encode(), f"{at}.".encode() + sent, hashlib.sha256).hexdigest()
    client = Browser(world).client
    client.cookies.clear()
    header = {"stripe-signature": f"t={at},v1={'0' * 64},v1={signature}"}
    return client.post("/api/money/webhook", content=payload or sent, headers=header)


def balance(browser: Browser) -> int:
    return round(browser.get("/money").json()["balance"] * 100)


def test_a_payment_is_booked_once_however_often_it_is_told(paying: World) -> None:
    ann = paying.user("ann")
    event = paid(ann.load()["user"]["id"], 500)
    assert tell(paying, event).json() == {"booked": True}
    assert tell(paying, event).json() == {"booked": False}
    assert tell(paying, event | {"id": "evt_other"}).json() == {"booked": False}
    assert balance(ann) == 500


@pytest.mark.parametrize(
    "forged", [{"secret": "guessed"}, {"age": 301}, {"age": -301}, {"payload": b'{"id": "evt"}'}]
)
def test_what_stripe_did_not_sign_now_is_not_booked(paying: World, forged: dict[str, Any]) -> None:
    ann = paying.user("ann")
    assert tell(paying, paid(ann.load()["user"]["id"], 500), **forged).status_code == 400
    assert balance(ann) == 0


@pytest.mark.parametrize("at", ["", "-1", "1e9", "\u00b2", "9" * 400, "1,t=1"])
def test_a_signature_of_no_time_is_refused(paying: World, at: str) -> None:
    headers = {b"stripe-signature": f"t={at},v1={'0' * 64}".encode("latin-1")}
    answer = Browser(paying).client.post("/api/money/webhook", content=b"{}", headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 400


def test_a_debit_to_an_account_is_booked_when_its_money_comes_and_once(paying: World) -> None:
    ann = paying.user("ann")
    ended = paid(ann.load()["user"]["id"], 500, payment_status="unpaid", payment_intent="pi_1")
    later = {**ended, "id": "evt_later", "type": "checkout.session.async_payment_succeeded"}
    came = {**later, "data": {"object": ended["data"]["object"] | {"payment_status": "paid"}}}
    failed = {**ended, "id": "evt_failed", "type": "checkout.session.async_payment_failed"}
    assert [tell(paying, one).json()["booked"] for one in (ended, failed)] == [False, False]
    assert balance(ann) == 0
    assert [tell(paying, came | {"id": one}).json()["booked"] for one in ("evt_1", "evt_1", "evt_2")] == [
        True,
        False,
        False,
    ]
    assert balance(ann) == 500


@pytest.mark.parametrize("of", [{"client_reference_id": None}, {"client_reference_id": "order-7"},
                                {"client_reference_id": str(uuid.uuid4())}], ids=["nobodys", "an-order", "a-stranger"])  # fmt: skip
def test_what_another_program_sells_by_the_same_account_is_let_pass(
    paying: World, of: dict[str, Any]
) -> None:
    ann = paying.user("ann")
    event = paid(ann.load()["user"]["id"], 500, currency="eur", **of)
    answer = tell(paying, event)
    assert (answer.status_code, answer.json()) == (200, {"booked": False})
    unread = {"id": "re_1", "payment_intent": None, "amount": 5, "currency": "eur", "status": "succeeded"}
    for kind in ("refund.created", "charge.dispute.created"):
        told = {"id": f"evt_{kind}", "type": kind, "created": 1, "data": {"object": unread}}
        assert tell(paying, told).json() == {"booked": False}
    ours = paid(ann.load()["user"]["id"], 500, payment_intent="pi_1")
    assert tell(paying, ours).json()["booked"]
    told = {"id": "evt_x", "type": "refund.created", "data": {"object": unread | {"payment_intent": "pi_1"}}}
    assert [tell(paying, told).status_code for _ in range(2)] == [400, 400]
    assert balance(ann) == 500


def test_what_was_not_paid_whole_is_not_booked(paying: World) -> None:
    ann = paying.user("ann")
    who = ann.load()["user"]["id"]
    assert tell(paying, paid(who, 500, payment_status="unpaid")).json() == {"booked": False}
    for change in ({"currency": "jpy"}, {"amount_total": -500}):
        assert tell(paying, paid(who, 500, **change)).status_code == 400
    assert tell(paying, paid(str(uuid.uuid4()), 500)).json() == {"booked": False}
    assert balance(ann) == 0


def test_a_wish_costs_and_a_refused_picture_does_not(paying: World) -> None:
    ann, version = paying.drawing()
    tell(paying, paid(ann.load()["user"]["id"], 200))
    asked = ann.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": 3, "seed": 0}
    ).json()
    assert balance(ann) == 50

    def refuse_the_second(rgb: Any) -> None:
        if rgb[0, 0, 0] == 1:
            raise InputError("no", reason="explicit", kind="refused")

    paying.finisher.refuses = refuse_the_second
    paying.work(asked)
    paying.work(asked)
    assert balance(ann) == 100
    later = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    assert balance(ann) == 0
    ann.post(f"/generations/{later['id']}/cancel")
    assert balance(ann) == 100
    with paying.gallery.transaction() as db:
        assert db.execute(text("SELECT sum(cents) FROM entries")).scalar_one() == 0
        earned = db.execute(text("SELECT sum(cents) FROM entries WHERE account = 'gallery'")).scalar_one()
    assert earned == 100


def test_the_same_credit_is_not_spent_twice(paying: World) -> None:
    ann, version = paying.drawing()
    other = paying.person("mei")
    paying.grant("ann", other)
    tell(paying, paid(ann.load()["user"]["id"], 100))
    wishes = [{"version_id": which, "prompt": "smiling", "count": 1} for which in [version, str(other)] * 3]
    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(lambda wish: ann.post("/generations", wish).status_code, wishes))
    assert codes == [202, 202, 402, 402, 402, 402]
    assert balance(ann) == 0


def test_the_ledger_lets_nothing_be_changed_or_out_of_balance(paying: World) -> None:
    with paying.gallery.transaction() as db:
        book(db, "given:1", "given", "user:x", 5, paying.now)
    for change in ("UPDATE entries SET cents = 6", "DELETE FROM entries"):
        with pytest.raises(DBAPIError, match="only ever added"), paying.gallery.engine.begin() as connection:
            connection.execute(text(change))
    line = "INSERT INTO entries (transaction, key, account, cents, at) VALUES (gen_random_uuid(), 'k', 'user:x', 5, now())"
    with pytest.raises(DBAPIError, match="does not add up"), paying.gallery.engine.begin() as connection:
        connection.execute(text(line))
    with pytest.raises(DBAPIError, match="uq_entries_key"), paying.gallery.transaction() as db:
        book(db, "given:1", "given", "user:x", 5, paying.now)


def test_money_is_off_until_it_is_switched_on(world: World) -> None:
    ann, version = world.drawing()
    assert tell(world, paid(ann.load()["user"]["id"], 500)).status_code == 404
    assert ann.post("/generations", {"version_id": version, "prompt": "smiling"}).status_code == 202
    assert ann.get("/money").json()["enabled"] is False


def test_an_owner_gives_credits_and_the_calculator_counts(paying: World) -> None:
    owner, ann = paying.user("owner", "owner"), paying.user("ann")
    body = {"user_id": ann.load()["user"]["id"], "cents": 300}
    assert ann.post("/admin/credits", body).status_code == 403
    assert owner.post("/admin/credits", body).json() == {"balance": 3.0}
    assert ann.get("/money").json()["entries"][0] | {"id": 0, "created": 0} == {
        "id": 0, "created": 0, "text": "Given by an owner", "amount": 3.0, "balance": 3.0}  # fmt: skip
    figures = ann.get("/money/calculator").json()
    assert (figures["price"], figures["pictures_per_day"], figures["fixed_per_month"]) == (0.5, 500, 180)


def test_credits_are_bought_once_however_often_stripe_tells_it(selling: World) -> None:
    ann = selling.user("ann")
    attempt = str(uuid.uuid4())
    urls = {ann.post("/money/checkout", {"cents": 1000, "attempt": attempt}).json()["url"] for _ in range(2)}
    assert len(urls) == 1
    assert balance(ann) == 0
    client = Browser(selling).client
    for booked in (True, False, False):
        event = answer_of(next(iter(urls)))
        headers = {"stripe-signature": event["signature"]}
        answer = client.post("/api/money/webhook", content=event["payload"], headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"booked": booked})
    changed = event["payload"].replace('"amount_total": 1000', '"amount_total": 9000')
    assert client.post("/api/money/webhook", content=changed, headers=headers).status_code == 400
    assert balance(ann) == 1000


@pytest.mark.parametrize("cents", [0, 99, -1000, 50_001, 10.5, "1000; DROP TABLE entries"])
def test_a_sum_that_is_none_begins_no_payment(selling: World, stripe: FakeServers, cents: object) -> None:
    ann, before = selling.user("ann"), stripe.counts().get("stripe.checkout", 0)
    assert ann.post("/money/checkout", {"cents": cents, "attempt": str(uuid.uuid4())}).status_code == 422
    assert stripe.counts().get("stripe.checkout", 0) == before


@pytest.mark.parametrize(
    "change", [{"stripe_secret": SecretStr("sk_wrong")}, {"stripe_url": "http://127.0.0.1:9"}]
)
def test_stripe_that_does_not_answer_costs_nothing_and_shows_no_key(
    selling: World, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    selling.set(**change)
    answer = selling.user("ann").post("/money/checkout", {"cents": 1000, "attempt": str(uuid.uuid4())})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "payment")
    assert "sk_" not in answer.text + caplog.text


def test_nothing_is_sold_without_a_key(paying: World) -> None:
    body = {"cents": 1000, "attempt": str(uuid.uuid4())}
    assert paying.user("ann").post("/money/checkout", body).status_code == 404


@pytest.mark.parametrize(
    ("page", "stripes"),
    [("https://checkout.stripe.com/c/x", True), ("https://stripe.com.evil.example/", False), ("http://checkout.stripe.com/", False),
     ("https://evil.example/?stripe.com", False), ("javascript:alert(1)//stripe.com", False), ("http://127.0.0.1/", False)],
)  # fmt: skip
def test_nobody_is_sent_to_pay_elsewhere(page: str, stripes: bool) -> None:
    assert _is_stripes(page, "https://api.stripe.com") is stripes
