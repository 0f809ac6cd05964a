"""Passkeys, by an authenticator in software: whoever holds the key comes in, and nobody else does."""

from typing import Any

import pytest
from authenticator import PRESENT, Authenticator
from gallery_world import PASSWORD, Browser, World
from sqlalchemy import text

from gallery.settings import Settings

SITE, ORIGIN = "localhost", "http://localhost:3000"


@pytest.fixture
def named(world: World) -> World:
    """A gallery at a name: browsers make no passkeys for an address of numbers."""
    world.set(public_url=ORIGIN)
    return world


def added(browser: Browser, key: Authenticator | None = None, name: str = "My phone") -> Authenticator:
    key = key or Authenticator(origin=ORIGIN, site=SITE)
    options = browser.post("/passkeys/options", {"password": PASSWORD}).json()["options"]
    answer = browser.post("/passkeys", {"name": name, "credential": key.make(options)})
    assert answer.status_code == 201, answer.text
    return key


def come_in(browser: Browser, key: Authenticator) -> Any:
    options = browser.post("/sign-in/passkey/options").json()["options"]
    return browser.post("/sign-in/passkey", {"credential": key.prove(options)})


def test_a_passkey_signs_in_with_a_new_cookie_and_can_be_taken_away(named: World) -> None:
    ann = named.user("ann")
    key = added(ann)
    browser = named.browser()
    before = browser.client.cookies["session"]
    assert come_in(browser, key).json()["user"]["email"] == "ann@example.org"
    assert browser.client.cookies["session"] != before
    (shown,) = ann.get("/passkeys").json()["items"]
    assert (shown["name"], shown["used"] is not None) == ("My phone", True)
    assert named.user("bob").send("DELETE", f"/passkeys/{shown['id']}").status_code == 404
    assert ann.send("DELETE", f"/passkeys/{shown['id']}").status_code == 200
    assert come_in(named.browser(), key).status_code == 401


def test_a_passkey_is_added_only_with_the_password(named: World) -> None:
    ann = named.user("ann")
    assert ann.post("/passkeys/options", {"password": "another long one"}).status_code == 401
    assert named.browser().post("/passkeys/options", {"password": PASSWORD}).status_code == 401


def test_a_challenge_is_good_once_for_its_user_and_its_browser(named: World) -> None:
    ann, bob = named.user("ann"), named.user("bob")
    options = ann.post("/passkeys/options", {"password": PASSWORD}).json()["options"]
    made = Authenticator(origin=ORIGIN, site=SITE).make(options)
    assert bob.post("/passkeys", {"name": "x", "credential": made}).status_code == 422
    assert ann.post("/passkeys", {"name": "x", "credential": made}).status_code == 422
    key = added(ann)
    here, elsewhere = named.browser(), named.browser()
    options = here.post("/sign-in/passkey/options").json()["options"]
    proof = {"credential": key.prove(options)}
    assert elsewhere.post("/sign-in/passkey", proof).status_code == 401
    assert here.post("/sign-in/passkey", proof).status_code == 422
    options = here.post("/sign-in/passkey/options").json()["options"]
    named.pass_time(minutes=7)
    assert here.post("/sign-in/passkey", {"credential": key.prove(options)}).status_code == 422


def test_another_site_another_key_nobody_present_and_a_copy_do_not_come_in(named: World) -> None:
    key = added(named.user("ann"))
    same = {"identity": key.identity, "key": key.key}
    wrong = [
        Authenticator(origin="https://evil.example", site=SITE, **same),
        Authenticator(origin=ORIGIN, site="evil.example", **same),
        Authenticator(origin=ORIGIN, site=SITE, flags=PRESENT, **same),
        Authenticator(origin=ORIGIN, site=SITE, identity=key.identity),
        Authenticator(origin=ORIGIN, site=SITE),
    ]
    for one in wrong:
        assert come_in(named.browser(), one).status_code == 401
    key.uses = 5
    assert come_in(named.browser(), key).status_code == 200
    key.uses = 2  # a copy, made before
    assert come_in(named.browser(), key).status_code == 401


def test_a_blocked_user_and_one_with_a_new_password_do_not_come_in_by_an_old_key(named: World) -> None:
    key = added(named.user("ann"))
    with named.gallery.transaction() as db:
        db.execute(text("UPDATE users SET blocked = true"))
    assert come_in(named.browser(), key).status_code == 401
    with named.gallery.transaction() as db:
        db.execute(text("UPDATE users SET blocked = false"))
    stranger = named.browser()
    stranger.post("/password/forgot", {"email": "ann@example.org"})
    stranger.post("/password/reset", {"token": named.token(), "password": "another long password"})
    assert come_in(named.browser(), key).status_code == 401


EMPTY = {"clientDataJSON": "e30"}  # {}
DEEP = {"clientDataJSON": "W1tb" * 10_000}  # [[[


@pytest.mark.parametrize(
    "credential",
    [{}, {"rawId": 5}, {"response": EMPTY}, {"response": DEEP}, {"response": {"clientDataJSON": "\u00e9"}}],
    ids=["empty", "number", "no-challenge", "deep", "letters"],
)
def test_what_is_no_credential_is_refused(named: World, credential: dict[str, Any]) -> None:
    assert named.browser().post("/sign-in/passkey", {"credential": credential}).status_code == 422
    assert named.user("ann").post("/passkeys", {"name": "x", "credential": credential}).status_code == 422


@pytest.mark.parametrize(
    ("address", "there"),
    [("https://gallery.example", True), ("http://localhost:3000", True), ("http://127.0.0.1:3000", False),
     ("http://gallery.example", False), ("http://[::1]:3000", False)],
)  # fmt: skip
def test_passkeys_are_offered_where_browsers_make_them(address: str, there: bool) -> None:
    assert Settings(public_url=address).passkeys is there


def test_without_a_name_there_are_none(world: World) -> None:
    assert world.user("ann").post("/passkeys/options", {"password": PASSWORD}).status_code == 404
    assert world.browser().post("/sign-in/passkey/options").status_code == 404
