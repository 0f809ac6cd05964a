"""Accounts: how one comes in, stays in, and is out at once."""

import pytest
from gallery_world import PASSWORD, World


def test_who_is_invited_is_signed_in_and_nobody_comes_twice_by_one_invitation(world: World) -> None:
    token = world.invite("ann@example.org")
    body = {"email": "ann@example.org", "password": PASSWORD, "name": "Ann", "invitation": token}
    browser = world.browser()
    assert browser.post("/sign-up", body).json()["user"]["role"] == "member"
    assert browser.load()["user"]["email"] == "ann@example.org"
    again = world.browser().post("/sign-up", body | {"email": "bob@example.org"})
    assert (again.status_code, again.json()["error"]["reason"]) == (422, "token")


def test_an_invitation_holds_for_its_address_and_role_only(world: World) -> None:
    token = world.invite("ann@example.org", "guest")
    body = {"password": PASSWORD, "name": "Eve", "invitation": token}
    assert world.browser().post("/sign-up", body | {"email": "eve@example.org"}).status_code == 403
    come = world.browser().post("/sign-up", body | {"email": "Ann@example.org"})
    assert come.json()["user"]["role"] == "guest"


def test_an_invitation_ends_after_two_weeks(world: World) -> None:
    token = world.invite("ann@example.org")
    world.pass_time(days=14)
    body = {"email": "ann@example.org", "password": PASSWORD, "name": "Ann", "invitation": token}
    assert world.browser().post("/sign-up", body).status_code == 422


def test_without_an_invitation_nobody_comes_unless_the_gallery_is_open(world: World) -> None:
    body = {"email": "ann@example.org", "password": PASSWORD, "name": "Ann"}
    assert world.browser().post("/sign-up", body).status_code == 403
    world.set(open_sign_up=True)
    browser = world.browser()
    assert browser.post("/sign-up", body).json() == {"sent": True}
    assert browser.load()["user"] is None
    assert browser.post("/sign-up/confirm", {"token": world.token()}).json()["user"]["name"] == "Ann"


def test_an_open_sign_up_tells_nobody_who_has_an_account(world: World) -> None:
    world.set(open_sign_up=True)
    world.user("ann")
    answers = [
        world.browser().post("/sign-up", {"email": f"{name}@example.org", "password": PASSWORD, "name": "x"})
        for name in ("ann", "nobody")
    ]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert "account already" in world.mails()[-2]


def test_sign_in_and_forgot_answer_alike_for_whoever_has_no_account(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.user("ann")
    checked: list[str | None] = []
    right = type(world.gallery.passwords).is_right
    monkeypatch.setattr(
        type(world.gallery.passwords), "is_right",
        lambda self, kept, given: checked.append(kept) or right(self, kept, given),
    )  # fmt: skip
    answers = [
        world.browser().post("/sign-in", {"email": f"{name}@example.org", "password": "not the password"})
        for name in ("ann", "nobody")
    ]
    assert answers[0].content == answers[1].content
    assert answers[0].status_code == 401
    assert len(checked) == 2
    forgot = [
        world.browser().post("/password/forgot", {"email": f"{n}@example.org"}) for n in ("ann", "nobody")
    ]
    assert forgot[0].content == forgot[1].content
    assert len(world.mails()) == 1


def test_a_new_password_ends_every_session_and_the_link_holds_once(world: World) -> None:
    ann, stranger = world.user("ann"), world.browser()
    stranger.post("/password/forgot", {"email": "ANN@example.org"})
    token = world.token()
    body = {"token": token, "password": "another password"}
    assert stranger.post("/password/reset", {"token": token, "password": "short"}).status_code == 422
    assert stranger.post("/password/reset", body).status_code == 200
    assert ann.load()["user"] is None
    assert stranger.post("/password/reset", body).status_code == 422
    assert stranger.post("/sign-in", {"email": "ann@example.org", "password": PASSWORD}).status_code == 401
    stranger.sign_in("ann@example.org", "another password")


def test_a_reset_link_ends_after_an_hour(world: World) -> None:
    world.user("ann")
    browser = world.browser()
    browser.post("/password/forgot", {"email": "ann@example.org"})
    world.pass_time(hours=1)
    body = {"token": world.token(), "password": "another password"}
    assert browser.post("/password/reset", body).status_code == 422


def test_a_session_is_ended_elsewhere_at_once(world: World) -> None:
    ann = world.user("ann")
    elsewhere = world.browser().sign_in("ann@example.org")
    (other,) = [one for one in ann.get("/sessions").json()["items"] if not one["this"]]
    assert ann.send("DELETE", f"/sessions/{other['id']}").status_code == 200
    assert elsewhere.load()["user"] is None
    assert ann.load()["user"]["name"] == "ann"


def test_a_session_ends_with_sign_out_and_after_its_days(world: World) -> None:
    ann = world.user("ann")
    cookie = ann.client.cookies["session"]
    ann.post("/sign-out")
    ann.client.cookies.set("session", cookie, domain="127.0.0.1")
    assert ann.load()["user"] is None
    ann = world.browser().sign_in("ann@example.org")
    world.pass_time(days=14)
    assert ann.load()["user"] is None


def test_a_weak_password_is_refused(world: World) -> None:
    for weak in ("short", "aaaaaaaaaaaaaa", "ann@example.org"):
        body = {
            "email": "ann@example.org",
            "password": weak,
            "name": "Ann",
            "invitation": world.invite("ann@example.org"),
        }
        assert world.browser().post("/sign-up", body).status_code == 422


def test_who_tries_too_often_waits(world: World) -> None:
    world.user("ann")
    body = {"email": "ann@example.org", "password": "not the password"}
    tried = [world.browser().post("/sign-in", body).status_code for _ in range(11)]
    assert tried == [401] * 10 + [429]
    assert world.browser().post("/sign-in", body | {"password": PASSWORD}).status_code == 429
    world.pass_time(minutes=15)
    world.browser().sign_in("ann@example.org")


def test_the_cookie_is_the_servers_alone_and_needs_tls_elsewhere(world: World) -> None:
    local = world.browser().client.get("/api/session", headers={"cookie": ""})
    assert "HttpOnly" in local.headers["set-cookie"]
    assert "Secure" not in local.headers["set-cookie"]
    world.set(public_url="https://gallery.example.org")
    assert (
        "; Secure" in world.browser().client.get("/api/session", headers={"cookie": ""}).headers["set-cookie"]
    )
