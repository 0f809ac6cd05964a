"""Attacks on accounts: on a new password by whoever knew the old one, on names, on what strangers leave behind."""

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

import pytest
from authenticator import Authenticator
from gallery_world import PASSWORD, World, waits_for_a_lock
from sqlalchemy import text

from gallery.accounts import passkeys, tries
from gallery.accounts.names import shown_names
from gallery.accounts.passwords import Passwords
from gallery.accounts.sessions import forget
from gallery.accounts.sign_up import add_user

SITE, ORIGIN = "localhost", "http://localhost:3000"
PATIENCE_SECONDS = 60
NEW = "another long password"


def new_password(world: World) -> None:
    stranger = world.browser()
    stranger.post("/password/forgot", {"email": "ann@example.org"})
    answer = stranger.post("/password/reset", {"token": world.token(), "password": NEW})
    assert answer.status_code == 200, answer.text


def after(what: Callable[..., Any], then: Callable[[], None]) -> Callable[..., Any]:
    """Something that happens once between `what` and whatever comes next."""
    done: list[bool] = []

    def both(*given: Any, **more: Any) -> Any:
        answer = what(*given, **more)
        if not done:
            done.append(True)
            then()
        return answer

    return both


def test_who_signs_in_with_the_old_password_while_a_new_one_is_set_is_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.user("ann")
    thief = world.browser()
    monkeypatch.setattr(Passwords, "is_right", after(Passwords.is_right, lambda: new_password(world)))
    answer = thief.post("/sign-in", {"email": "ann@example.org", "password": PASSWORD})
    assert answer.status_code == 401
    assert thief.load()["user"] is None
    assert thief.sign_in("ann@example.org", NEW).load()["user"] is not None


def test_a_passkey_that_is_added_while_a_new_password_is_set_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.set(public_url=ORIGIN)
    thief, key = world.user("ann"), Authenticator(origin=ORIGIN, site=SITE)
    options = thief.post("/passkeys/options", {"password": PASSWORD}).json()["options"]
    verify = passkeys.verify_registration_response
    monkeypatch.setattr(passkeys, "verify_registration_response", after(verify, lambda: new_password(world)))
    assert thief.post("/passkeys", {"name": "x", "credential": key.make(options)}).status_code == 401
    ann = world.browser().sign_in("ann@example.org", NEW)
    assert ann.get("/passkeys").json()["items"] == []


def test_who_comes_in_by_a_passkey_while_a_new_password_is_set_is_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new password waits for whoever is coming in, and then ends that session, too."""
    world.set(public_url=ORIGIN)
    ann, thief, key = world.user("ann"), world.browser(), Authenticator(origin=ORIGIN, site=SITE)
    options = ann.post("/passkeys/options", {"password": PASSWORD}).json()["options"]
    assert ann.post("/passkeys", {"name": "x", "credential": key.make(options)}).status_code == 201
    change = Thread(target=partial(new_password, world))

    def begin() -> None:
        change.start()
        while change.is_alive() and not waits_for_a_lock(world):
            change.join(0.01)

    verify = passkeys.verify_authentication_response
    monkeypatch.setattr(passkeys, "verify_authentication_response", after(verify, begin))
    options = thief.post("/sign-in/passkey/options").json()["options"]
    assert thief.post("/sign-in/passkey", {"credential": key.prove(options)}).status_code == 200
    change.join(PATIENCE_SECONDS)
    assert thief.load()["user"] is None
    assert world.browser().sign_in("ann@example.org", NEW).load()["user"] is not None


def test_nobody_takes_a_number_that_the_gallery_gives_to_somebody_else(world: World) -> None:
    with world.gallery.transaction() as db:
        for number, name in enumerate(
            ("Bob", "Bob", "Bob (2)", "Bob \uff082\uff09", "Bob (2) (1)", "Anna92")
        ):
            add_user(db, world.gallery, f"{number}@example.org", name, "x", "member")
            world.pass_time(minutes=1)
        shown = list(shown_names(db).values())
    assert len(set(shown)) == len(shown)
    assert shown[:3] == ["Bob (1)", "Bob (2)", "Bob (2) (1)"]
    assert shown[5] == "Anna92"


def test_what_strangers_make_and_do_not_use_is_not_kept(world: World) -> None:
    """Cookies, addresses, challenges: nobody but their makers ends them."""
    world.set(open_sign_up=True, public_url=ORIGIN)
    world.user("ann")
    stranger = world.browser()
    stranger.post("/password/forgot", {"email": "nobody@example.org"})
    stranger.post("/sign-in", {"email": "nobody@example.org", "password": PASSWORD})
    stranger.post("/sign-in/passkey/options")
    body = {"email": "eve@example.org", "password": PASSWORD, "name": "Eve"}
    assert stranger.post("/sign-up", body).status_code == 202

    def kept() -> list[int]:
        with world.gallery.transaction() as db:
            return [
                db.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
                for name in ("sessions", "tokens", "tries")
            ]

    before = kept()
    forget(world.gallery)
    assert kept() == before
    assert before[1] == 3
    assert max(one.seconds for one in vars(tries).values() if isinstance(one, tries.Limit)) <= 3600
    world.pass_time(hours=25)
    forget(world.gallery)
    assert kept() == [1, 0, 0]
    world.pass_time(days=15)
    forget(world.gallery)
    assert kept() == [0, 0, 0]


def test_a_mail_that_nobody_asked_for_makes_no_account_whose_password_a_stranger_knows(world: World) -> None:
    world.set(open_sign_up=True)
    stranger, ann = world.browser(), world.browser()
    body = {"email": "ann@example.org", "password": "the stranger's own", "name": "Ann"}
    assert stranger.post("/sign-up", body).status_code == 202
    token = world.token()
    for guess in ({}, {"password": PASSWORD}):
        answer = ann.post("/sign-up/confirm", {"token": token} | guess)
        assert (answer.status_code, answer.json()["error"]["reason"]) == (401, "password")
    assert ann.post("/sign-up/confirm", {"token": token[:-32] + "0" * 32}).status_code == 401
    assert stranger.post("/sign-up/confirm", {"token": token + "0"}).status_code == 422
    elsewhere = {"token": token, "password": body["password"]}  # the telephone of whoever asked
    assert ann.post("/sign-up/confirm", elsewhere).json()["user"]["email"] == "ann@example.org"
    ann.load()
    assert ann.post("/sign-up/confirm", elsewhere).status_code == 422
