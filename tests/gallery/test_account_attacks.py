"""Attacks on an account whose user sets a new password: whoever knew the old one is out, even who is just coming in."""

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

import pytest
from authenticator import Authenticator
from gallery_world import PASSWORD, World, waits_for_a_lock

from gallery.accounts import passkeys
from gallery.accounts.passwords import Passwords

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
