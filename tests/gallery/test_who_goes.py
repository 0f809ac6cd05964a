"""What is left of somebody who is blocked or whose picture goes: nothing that goes on by itself."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from gallery_world import PASSWORD, Browser, World
from sqlalchemy import func, select

from gallery.accounts.tries import ALBUM, SHARE_MADE
from gallery.generation.request import LARGEST_PX
from gallery.pictures.erasing import erase_gone
from gallery.tables import AuditLine, Picture, Receipt
from likeness.errors import ConfigError
from likeness.store.s3 import Remote


def set_user(owner: Browser, who: Browser, **changes: object) -> int:
    user = who.get("/session").json()["user"]["id"]
    return owner.send("PATCH", f"/admin/users/{user}", changes).status_code


def link(browser: Browser, picture: str) -> str:
    return browser.post(f"/pictures/{picture}/shares", {"expires_hours": 9}).json()["url"].rpartition("/")[2]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "guest"}], ids=["blocked", "a-guest"])
def test_links_of_whoever_may_share_no_more_show_nothing(world: World, change: dict[str, object]) -> None:
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    token = link(ann, world.drawn(ann, version)[0]["id"])
    stranger = world.browser()
    assert stranger.get(f"/shared/{token}").status_code == 200
    assert set_user(owner, ann, **change) == 200
    for path in (f"/shared/{token}", f"/shared/{token}/file", f"/shared/{token}/file?size=thumb"):
        assert stranger.get(path).status_code == 404


def test_what_a_blocked_user_waits_for_is_not_drawn_and_given_back(world: World) -> None:
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 4}).json()
    assert set_user(owner, ann, disabled=True) == 200
    world.work(asked)
    assert world.drawer.shots == []
    found = next(
        one for one in owner.get("/admin/users").json()["items"] if one["email"] == "ann@example.org"
    )
    owner.send("PATCH", f"/admin/users/{found['id']}", {"disabled": False})
    again = world.browser().sign_in("ann@example.org", PASSWORD)
    ended = again.get(f"/generations/{asked['id']}").json()
    assert (ended["status"], ended["pictures"]) == ("cancelled", [])
    assert again.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "member"}], ids=["blocked", "a-member"])
def test_an_owner_who_goes_comes_back_by_no_invitation(world: World, change: dict[str, object]) -> None:
    first, second = world.user("first", "owner"), world.user("second", "owner")
    links = {
        role: second.post("/admin/invitations", {"email": f"{role}@example.org", "role": role}).json()["url"]
        for role in ("owner", "member")
    }
    assert set_user(first, second, **change) == 200
    came = {}
    for role, url in links.items():
        body = {"email": f"{role}@example.org", "password": PASSWORD, "name": role}
        came[role] = (
            world.browser().post("/sign-up", body | {"invitation": url.rpartition("=")[2]}).status_code
        )
    assert came == {"owner": 422, "member": 200}


def test_a_picture_is_not_enlarged_without_end(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    for pixels, status in ((LARGEST_PX, 202), (LARGEST_PX + 1, 422)):
        with world.gallery.transaction() as db:
            db.get_one(Picture, uuid.UUID(picture["id"])).height = pixels
        assert ann.post(f"/pictures/{picture['id']}/upscale").status_code == status


def test_a_picture_deleted_by_many_clicks_goes_once_with_one_receipt(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ann.send("DELETE", f"/pictures/{picture['id']}"), range(4)))
    assert sorted(one.status_code for one in answers) == [200, 404, 404, 404]
    with world.gallery.transaction() as db:
        assert db.scalar(select(func.count()).select_from(Receipt)) == 1
        told = select(func.count()).where(AuditLine.action == "picture-deleted")
        assert db.scalar(told) == 1


def test_links_with_passwords_and_albums_are_counted(world: World) -> None:
    ann, version = world.drawing(per_day=100)
    (picture,) = world.drawn(ann, version)
    path, body = f"/pictures/{picture['id']}/shares", {"expires_hours": 1, "password": "open sesame"}
    made = [ann.post(path, body).status_code for _ in range(SHARE_MADE.tries + 1)]
    assert (set(made[:-1]), made[-1]) == ({201}, 429)
    albums = [ann.post("/albums", {"title": f"Album {one}"}).status_code for one in range(ALBUM.tries + 1)]
    assert (set(albums[:-1]), albums[-1]) == ({201}, 429)


def test_a_store_that_erases_nothing_just_now_undoes_no_decision(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann, version = world.drawing()
    one, _ = world.drawn(ann, version, 2)

    def refuse(*_: object) -> None:
        raise ConfigError("the bucket is gone", reason="s3-no-bucket")

    with monkeypatch.context() as broken:
        broken.setattr(Remote, "delete", refuse)
        deleted = ann.send("DELETE", f"/pictures/{one['id']}")
        revoked = world.browser().post(f"/portrayed/{world.link()}/revoke", {"confirm": "jade"})
    assert (deleted.status_code, deleted.json()["erased"]) == (200, False)
    assert (revoked.status_code, revoked.json()["withdrawn"], revoked.json()["storage"]) == (200, 1, 0)
    assert "still in the store" in caplog.text
    assert len(world.gallery.store.names("")) == 4
    erase_gone(world.gallery)
    assert world.gallery.store.names("") == []
