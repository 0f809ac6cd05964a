"""Attacks on what a stranger or a user may use up, on what is kept of them, and on times, addresses and cookies."""

import logging
import uuid
from collections import Counter

import anyio
import pytest
from gallery_world import World
from pydantic import SecretStr
from starlette.types import Message, Receive, Scope, Send

from gallery.accounts.tries import ARCHIVE, SHARE_PASSWORD
from gallery.api.limits import Limits
from gallery.api.routes.events import MOST_STREAMS
from gallery.api.visitors import place_of
from gallery.tables import Person


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("10.0.0.9", "10.0.0.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_network_are_one_place(address: str, place: str) -> None:
    assert place_of(address) == place


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    said: list[Message] = []
    asked = 0

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def drop_by_drop() -> Message:
        nonlocal asked
        asked += 1
        if asked > 1:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(message: Message) -> None:
        said.append(message)

    from starlette.middleware.exceptions import ExceptionMiddleware

    limits = Limits(ExceptionMiddleware(app), most=10, within=0.01)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"5")]}
    limited = ExceptionMiddleware(limits)
    anyio.run(limited, scope, drop_by_drop, send)
    assert said[0]["status"] == 408


def test_a_request_without_a_body_may_stay_open_as_long_as_it_likes(world: World) -> None:
    ann = world.user("ann")
    world.set(events_seconds=0.01)
    ann = world.browser().sign_in("ann@example.org")
    assert ann.get("/events").status_code == 200
    assert world.app.state.streams == Counter()


def test_one_user_holds_no_more_than_so_many_streams(world: World) -> None:
    world.set(events_seconds=0.01)
    ann, bob = world.user("ann"), world.user("bob")
    world.app.state.streams[uuid.UUID(ann.load()["user"]["id"])] = MOST_STREAMS
    assert ann.get("/events").status_code == 429
    assert bob.get("/events").status_code == 200


@pytest.mark.parametrize("number", ["\u00b2", "-1", "1e9", "9" * 19, "0x10", " "])
def test_a_made_up_number_of_an_event_is_none(world: World, number: str) -> None:
    world.set(events_seconds=0.01)
    ann = world.user("ann")
    headers = {b"last-event-id": number.encode("latin-1")}
    assert ann.client.get("/api/events", headers=headers).status_code == 200  # type: ignore[arg-type]


def test_whoever_knows_a_links_password_opens_it_as_often_as_many_people_do(world: World) -> None:
    _, _, token = world.shared("open sesame")
    stranger = world.browser()
    for _ in range(2 * SHARE_PASSWORD.tries):
        assert stranger.get(f"/shared/{token}", x_share_password="open%20sesame").status_code == 200


def test_guesses_at_a_links_password_are_counted_also_between_right_ones(world: World) -> None:
    _, _, token = world.shared("open sesame")
    codes = Counter[int]()
    for number in range(SHARE_PASSWORD.tries + 5):
        for guess in (f"guess{number}", "open%20sesame"):
            codes[world.browser().get(f"/shared/{token}/file", x_share_password=guess).status_code] += 1
    assert codes[401] == SHARE_PASSWORD.tries
    assert codes[429] == 2 * 5 + 1  # the tenth wrong one leaves no room for the right one beside it


def test_a_link_shows_as_much_to_other_methods_and_ranges_as_to_get(world: World) -> None:
    _, _, token = world.shared("open sesame")
    stranger = world.browser()
    assert stranger.client.head(f"/api/shared/{token}/file").status_code in (401, 405)
    part = stranger.get(f"/shared/{token}/file", range="bytes=0-10")
    assert (part.status_code, part.headers["content-type"]) == (401, "application/json")
    whole = stranger.get(f"/shared/{token}/file", range="bytes=0-1", x_share_password="open%20sesame")
    assert (whole.status_code, whole.content[:4]) == (200, b"\x89PNG")


def test_no_answer_but_a_users_own_picture_is_kept_by_a_browser(world: World) -> None:
    ann, picture, token = world.shared()
    kept = ann.get(f"/pictures/{picture['id']}/file").headers["cache-control"]
    assert kept == "private, max-age=60"  # within the minute in which a revocation has to be everywhere
    others = (f"/shared/{token}", f"/shared/{token}/file", "/session", "/pictures", "/money", "/pictures/x",
              f"/portrayed/{world.link()}", f"/portrayed/{world.link()}/pictures/{picture['id']}/file")  # fmt: skip
    for path in others:
        assert ann.get(path).headers["cache-control"] == "no-store", path


def test_a_token_opens_nothing_but_its_own_door(world: World) -> None:
    ann, picture, token = world.shared()
    tokens = {"share": token, "portrayed": world.link(), "session": ann.client.cookies["session"], "csrf": ann.csrf,
              "invitation": world.invite("eve@example.org"), "picture": picture["id"]}  # fmt: skip
    doors = {
        "share": "/shared/{}",
        "portrayed": "/portrayed/{}",
        "picture": "/pictures/{}",
        "receipt": "/takedowns/{}",
    }
    for door, path in doors.items():
        for kind, value in tokens.items():
            browser = ann if door == "picture" else world.browser()
            right = 200 if door == kind else (404, 422)
            answer = browser.get(path.format(value)).status_code
            assert answer == right if isinstance(right, int) else answer in right, (door, kind)


def test_a_page_that_was_guessed_at_or_replaced_stays_shut_after_the_revocation(world: World) -> None:
    world.shared()
    old, stranger = world.link(), world.browser()
    new = stranger.post(f"/portrayed/{old}/renew").json()["url"].rpartition("/")[2]
    assert stranger.post(f"/portrayed/{new}/revoke", {"confirm": "jade"}).status_code == 200
    for method, path, body in (("GET", "", None), ("POST", "/renew", {}), ("POST", "/revoke", {"confirm": "jade"}),
                               ("POST", "/narrow", {"kinds": [], "per_day": 0})):  # fmt: skip
        assert stranger.send(method, f"/portrayed/{old}{path}", body).status_code == 404
    assert stranger.get(f"/portrayed/{new}").json()["revoked"]
    with world.gallery.transaction() as db:
        assert db.query(Person).one().ended is not None


def test_archives_are_counted(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    codes = Counter(
        ann.post("/pictures/zip", {"ids": [picture["id"]]}).status_code for _ in range(ARCHIVE.tries + 2)
    )
    assert codes == {200: ARCHIVE.tries, 429: 2}


@pytest.mark.parametrize(
    "until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2027-01-01T00:00:00+23:59"]
)
def test_a_right_that_ends_at_no_time_of_ours_breaks_no_list(world: World, until: str) -> None:
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    body = {"user_id": ann.load()["user"]["id"], "version_id": version, "per_day": 5, "until": until}
    assert owner.send("PUT", "/admin/rights", body).status_code in (200, 422)
    assert owner.get("/admin/rights").status_code == 200
    assert ann.get("/people").status_code == 200


def test_over_tls_the_cookie_is_bound_to_this_very_host(world: World) -> None:
    world.set(public_url="https://gallery.example")
    from fastapi.testclient import TestClient

    client = TestClient(world.app, base_url="https://gallery.example")
    made = client.get("/api/session").headers["set-cookie"]
    assert made.startswith("__Host-session=")
    assert "Secure" in made
    assert "Path=/" in made
    assert "Domain" not in made


def test_a_fault_of_the_database_says_nothing_of_what_it_was_given(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import text

    from gallery.api.routes import session
    from gallery.context import Gallery

    def broken(gallery: Gallery, email: str, *_: object) -> None:
        with gallery.transaction() as db:
            db.execute(text("SELECT 1 / (length(:hash) - length(:hash))"), {"hash": "argon2-" + email})

    monkeypatch.setattr(session.sign_up, "sign_in", broken)
    with caplog.at_level(logging.ERROR):
        answer = world.browser().post("/sign-in", {"email": "kate@example.org", "password": "hunter2"})
    assert answer.status_code == 500
    assert "division by zero" in caplog.text
    assert "kate@example.org" not in caplog.text + answer.text


def test_the_webhook_is_closed_without_its_secret_and_takes_no_signature_of_an_empty_one(
    world: World,
) -> None:
    import hashlib
    import hmac

    at = int(world.now.timestamp())
    signed = hmac.new(b"", f"{at}.{{}}".encode(), hashlib.sha256).hexdigest()
    header = {"stripe-signature": f"t={at},v1={signed}"}
    world.set(money=True, stripe_webhook_secret=None)
    assert world.browser().client.post("/api/money/webhook", content=b"{}", headers=header).status_code == 404
    world.set(stripe_webhook_secret=SecretStr("whsec_x"))
    assert world.browser().client.post("/api/money/webhook", content=b"{}", headers=header).status_code == 400
