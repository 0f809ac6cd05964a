"""A hostile stranger, and a user who wants what is somebody else's. One gallery for all: whatever is tried changes nothing."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gallery_target import PUBLIC, UNKNOWN, UNSAFE, Target, operations
from gallery_world import PASSWORD, Browser, World

from gallery.portrayed.links import link_token
from gallery.tables import Person

pytestmark = pytest.mark.usefixtures("nothing_changes")


def test_every_route_of_users_refuses_strangers(target: Target) -> None:
    stranger = target.world.browser()
    closed = [
        one for one in operations(target) if not one[1].startswith(PUBLIC) or one[1].startswith("/sessions")
    ]
    assert len(closed) > 35
    for method, path in closed:
        assert stranger.send(method, target.filled(path), {}).status_code == 401, (method, path)


@pytest.mark.parametrize("who", ["bob", "guest"])
def test_every_route_of_owners_refuses_members_and_guests(target: Target, who: str) -> None:
    browser: Browser = getattr(target, who)
    owners = [one for one in operations(target) if one[1].startswith("/admin")]
    assert len(owners) > 12
    for method, path in owners:
        assert browser.send(method, target.filled(path), {}).status_code == 403, (method, path)


BODIES: dict[str, Any] = {
    "/albums/{album_id}": {"title": "mine"},
    "/pictures/{picture_id}/shares": {"expires_hours": 1},
}


@pytest.mark.parametrize("who", ["bob", "owner", "guest"])
def test_every_id_of_somebody_elses_is_as_if_it_were_not(target: Target, who: str) -> None:
    browser: Browser = getattr(target, who)
    own = [
        one
        for one in operations(target)
        if "_id}" in one[1] and not one[1].startswith(("/admin", "/portrayed"))
    ]
    assert len(own) > 14
    for method, path in own:
        answers = [browser.send(method, where, BODIES.get(path)) for where in
                   (target.filled(path), target.filled(path).replace(str(target.picture["id"]), UNKNOWN))]  # fmt: skip
        no = (
            403 if (who, path) == ("guest", "/pictures/{picture_id}/shares") else 404
        )  # a guest shares nothing at all
        assert [one.status_code for one in answers] == [no, no], (method, path, answers[0].text)
        assert answers[0].content == answers[1].content


def test_every_unsafe_route_refuses_a_request_without_its_token(target: Target) -> None:
    unsafe = [
        one for one in operations(target) if one[0] in UNSAFE and not one[1].startswith("/money/webhook")
    ]
    assert len(unsafe) > 25
    for method, path in unsafe:
        path = target.filled(path)
        answer = target.ann.client.request(method, f"/api{path}", json={})
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "csrf"), (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_csrf": ""},
        {"x_csrf": "0" * 64},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
        {"origin": "//127.0.0.1:8700"},
        {"origin": "http://127.0.0.1:8700@evil.example"},
        {"origin": "http://127.0.0.1:8700.evil.example"},
        {"x_csrf": "", "x_http_method_override": "GET"},
        {"x_csrf": "%E9"},
    ],
)
def test_a_request_from_another_sites_page_is_refused(target: Target, headers: dict[str, str]) -> None:
    assert target.ann.post("/albums", {"title": "x"}, **headers).status_code == 403


def test_the_token_of_one_session_is_worth_nothing_in_another(target: Target) -> None:
    assert target.ann.post("/albums", {"title": "x"}, x_csrf=target.bob.csrf).status_code == 403


def test_a_cookie_that_was_planted_before_sign_in_signs_nobody_in(target: Target) -> None:
    victim, attacker = target.world.browser(), target.world.browser()
    planted = attacker.client.cookies["session"]
    victim.client.cookies.clear()
    victim.client.cookies.set("session", planted, domain="127.0.0.1")
    victim.load()
    victim.sign_in("ann@example.org")
    assert victim.client.cookies["session"] != planted
    assert attacker.load()["user"] is None


@pytest.mark.parametrize("cookie", ["x" * 10_000, "' OR 1=1 --", "../../etc/passwd", "0", "%00"])
def test_a_made_up_cookie_is_nobody(target: Target, cookie: str) -> None:
    answer = target.world.browser().client.get("/api/people", headers={"cookie": f"session={cookie}"})
    assert answer.status_code == 401


def test_a_token_of_one_purpose_opens_nothing_else(world: World) -> None:
    world.user("ann")
    token = world.invite("ann@example.org")
    body = {"token": token, "password": "another password"}
    assert world.browser().post("/password/reset", body).status_code == 422
    assert world.browser().post("/sign-up/confirm", {"token": token}).status_code == 422


def test_an_invitation_used_by_many_at_once_lets_one_in(world: World) -> None:
    body = {
        "email": "eve@example.org",
        "password": PASSWORD,
        "name": "Eve",
        "invitation": world.invite("eve@example.org"),
    }
    browsers = [world.browser() for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        codes = sorted(pool.map(lambda one: one.post("/sign-up", body).status_code, browsers))
    assert codes == [200, 422, 422, 422, 422]


def test_guesses_at_links_in_mails_are_counted_whatever_the_headers_say(world: World) -> None:
    browser, codes = world.browser(), []
    for number in range(31):
        body = {"token": f"guess{number}", "password": "another password"}
        codes.append(browser.post("/password/reset", body, x_forwarded_for=f"10.0.0.{number}").status_code)
    assert codes == [422] * 30 + [429]


def test_the_link_in_a_mail_leads_to_our_page_whatever_the_host_says(world: World) -> None:
    world.user("ann")
    world.browser().post("/password/forgot", {"email": "ann@example.org"}, host="evil.example")
    assert "evil" not in world.mails()[-1]
    assert "http://127.0.0.1:8700/reset#token" in world.mails()[-1].replace("=\n", "").replace("=3D", "=")


def test_a_signed_link_that_was_changed_is_nobodys(target: Target) -> None:
    stranger = target.world.browser()
    for at in (0, 15, 25, 40, len(target.portrayed) - 2):
        changed = (
            target.portrayed[:at] + ("A" if target.portrayed[at] != "A" else "B") + target.portrayed[at + 1 :]
        )
        assert stranger.get(f"/portrayed/{changed}").status_code == 404
    assert stranger.get(f"/portrayed/{target.portrayed[:-6]}").status_code == 404
    assert stranger.post(f"/portrayed/{target.token}/revoke", {"confirm": "jade"}).status_code == 404


def test_the_page_of_one_person_shows_nobody_elses_picture(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    world.person("mei")
    assert (
        world.browser().get(f"/portrayed/{world.link('mei')}/pictures/{picture['id']}/file").status_code
        == 404
    )


def test_a_link_signed_with_another_key_is_nobodys(target: Target) -> None:
    from dataclasses import replace

    with target.world.gallery.transaction() as db:
        person = db.get_one(Person, uuid.UUID(target.person["id"]))
        forged = link_token(replace(target.world.gallery, key=b"guessed"), person)
    assert target.world.browser().get(f"/portrayed/{forged}").status_code == 404


def test_guests_share_nothing(world: World) -> None:
    guest, version = world.user("gus", "guest"), world.person()
    world.grant("gus", version)
    (picture,) = world.drawn(guest, str(version))
    assert guest.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 1}).status_code == 403


def test_somebody_elses_picture_is_neither_archived_nor_put_into_an_album(target: Target) -> None:
    ids = [target.picture["id"]]
    assert target.bob.post("/pictures/zip", {"ids": ids}).status_code == 422
    assert target.bob.post("/generations", target.wish | {"like": ids[0]}).status_code == 404


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    from gallery.settings import Settings

    settings = Settings(folder=tmp_path, secret="s3cr3t" * 8, database_url="postgresql://u:s3cr3t@h/d")  # type: ignore[arg-type]
    assert "s3cr3t" not in repr(settings)
    assert (tmp_path / "secret").exists() is False
    made = Settings(folder=tmp_path).key()
    assert Settings(folder=tmp_path).key() == made
    assert (tmp_path / "secret").stat().st_mode & 0o77 == 0
