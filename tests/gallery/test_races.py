"""Two things at the same moment, each of which makes the other impossible: one answer each, none of them a fault."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from gallery_world import PASSWORD, World
from sqlalchemy import text

from gallery.portrayed.decisions import heed

pytestmark = pytest.mark.slow
ROUNDS = 6


def at_once(*what: Callable[[], Any]) -> list[int]:
    """The statuses of requests that begin together."""
    ready = Barrier(len(what))

    def run(one: Callable[[], Any]) -> int:
        ready.wait()
        return one().status_code

    with ThreadPoolExecutor(len(what)) as pool:
        return [each.result() for each in [pool.submit(run, one) for one in what]]


def value(world: World, query: str) -> Any:
    with world.gallery.transaction() as db:
        return db.execute(text(query)).scalar_one()


def test_an_album_that_is_deleted_while_a_picture_goes_in_or_it_gets_a_title(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    for _ in range(ROUNDS):
        path = f"/albums/{ann.post('/albums', {'title': 'Summer'}).json()['id']}"
        gone, placed, titled = at_once(
            partial(ann.send, "DELETE", path),
            partial(ann.send, "PUT", f"{path}/pictures/{picture['id']}"),
            partial(ann.send, "PATCH", path, {"title": "Winter"}),
        )
        assert gone == 200
        assert {placed, titled} <= {200, 404}
    assert value(world, "SELECT count(*) FROM album_pictures") == 0


def test_a_picture_that_is_deleted_while_it_goes_into_an_album_is_in_none(world: World) -> None:
    ann, version = world.drawing(per_day=50)
    album = ann.post("/albums", {"title": "Summer"}).json()["id"]
    for picture in world.drawn(ann, version, ROUNDS):
        path = f"/pictures/{picture['id']}"
        gone, placed, loved = at_once(
            partial(ann.send, "DELETE", path),
            partial(ann.send, "PUT", f"/albums/{album}/pictures/{picture['id']}"),
            partial(ann.send, "PUT", f"{path}/favourite"),
        )
        assert gone == 200
        assert {placed, loved} <= {200, 404}
    assert ann.get("/albums").json()["items"][0]["pictures"] == 0


def test_a_right_that_two_owners_give_at_once_is_one(world: World) -> None:
    owner, version = world.user("owner", "owner"), world.person()
    for number in range(ROUNDS):
        user = world.user(f"ann{number}").load()["user"]["id"]
        body = {"user_id": user, "version_id": str(version)}
        given = [partial(owner.send, "PUT", "/admin/rights", body | {"per_day": one}) for one in (3, 5)]
        assert at_once(*given) == [200, 200]
    assert value(world, "SELECT count(*) FROM rights") == ROUNDS


def test_two_owners_who_take_the_role_from_each_other_leave_one(world: World) -> None:
    for number in range(ROUNDS):
        pair = [world.user(f"{name}{number}", "owner") for name in ("ada", "eve")]
        ids = [one.load()["user"]["id"] for one in pair]
        with world.gallery.transaction() as db:
            db.execute(
                text("UPDATE users SET role = 'member' WHERE id <> ALL(:ids)"),
                {"ids": [uuid.UUID(one) for one in ids]},
            )
        change = {"role": "member"} if number % 2 else {"disabled": True}
        codes = at_once(
            partial(pair[0].send, "PATCH", f"/admin/users/{ids[1]}", change),
            partial(pair[1].send, "PATCH", f"/admin/users/{ids[0]}", change),
        )
        assert 200 in codes
        assert set(codes) <= {200, 401, 403, 422}
        assert value(world, "SELECT count(*) FROM users WHERE role = 'owner' AND NOT blocked") == 1


def test_a_report_that_two_owners_decide_at_once_is_decided_once(world: World) -> None:
    ada, eve = world.user("ada", "owner"), world.user("eve", "owner")
    ann, version = world.drawing()
    said = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": "Why?"}
    for picture in world.drawn(ann, version, ROUNDS):
        url = ann.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 9}).json()["url"]
        report = world.browser().post(f"/shared/{url.rpartition('/')[2]}/takedown", said).json()["receipt"]
        path = f"/admin/takedowns/{report}"
        removed, kept = at_once(
            partial(ada.post, path, {"decision": "remove"}), partial(eve.post, path, {"decision": "keep"})
        )
        assert sorted([removed, kept]) == [200, 409]
        assert ann.get(f"/pictures/{picture['id']}").status_code == (404 if removed == 200 else 200)
        assert (world.browser().get(f"/takedowns/{report}").json()["decision"] == "remove") == (
            removed == 200
        )


def test_an_owner_who_loses_the_role_gives_nothing_more(world: World) -> None:
    ada, eve = world.user("ada", "owner"), world.user("eve", "owner")
    who = eve.load()["user"]["id"]
    given = world.person()
    member = world.user("ann").load()["user"]["id"]
    at_once(
        partial(ada.send, "PATCH", f"/admin/users/{who}", {"role": "member"}),
        partial(eve.post, "/admin/invitations", {"email": "mallory@example.org", "role": "owner"}),
    )
    body = {"user_id": member, "version_id": str(given), "per_day": 5}
    assert eve.send("PUT", "/admin/rights", body).status_code == 403
    assert (
        eve.post("/admin/invitations", {"email": "mallory@example.org", "role": "owner"}).status_code == 403
    )
    assert eve.send("PATCH", f"/admin/users/{who}", {"role": "owner"}).status_code == 403


def test_an_invitation_is_used_up_by_whoever_comes_first_and_not_by_a_refusal(world: World) -> None:
    token = world.invite("ann@example.org")
    body = {"email": "ann@example.org", "name": "Ann", "invitation": token}
    assert world.browser().post("/sign-up", body | {"password": "short"}).status_code == 422
    assert (
        world.browser()
        .post("/sign-up", body | {"password": PASSWORD, "email": "eve@example.org"})
        .status_code
        == 403
    )
    assert world.browser().post("/sign-up", body | {"password": PASSWORD}).status_code == 200
    assert world.browser().post("/sign-up", body | {"password": PASSWORD}).status_code == 422
    late = world.invite("ann@example.org", "owner")
    assert (
        world.browser().post("/sign-up", body | {"invitation": late, "password": PASSWORD}).status_code == 422
    )
    assert value(world, "SELECT role FROM users WHERE email = 'ann@example.org'") == "member"


def test_she_narrows_while_a_wish_is_made_that_she_no_longer_allows(world: World) -> None:
    ann, version = world.drawing(per_day=50)
    wish = {"version_id": version, "prompt": "smiling", "count": 1}
    token = world.link()
    stranger = world.browser()
    made, narrowed = at_once(
        partial(ann.post, "/generations", wish),
        partial(stranger.post, f"/portrayed/{token}/narrow", {"kinds": ["portrait"], "per_day": None}),
    )
    assert (made in (202, 403), narrowed) == (True, 200)
    assert [one["status"] for one in ann.get("/generations").json()["items"]] in ([], ["cancelled"])
    assert ann.post("/generations", wish).status_code == 403


def test_she_revokes_while_a_link_is_made_and_a_picture_is_enlarged(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    path, stranger, token = f"/pictures/{picture['id']}", world.browser(), world.link()
    linked, larger, revoked = at_once(
        partial(ann.post, f"{path}/shares", {"expires_hours": 9}),
        partial(ann.post, f"{path}/upscale"),
        partial(stranger.post, f"/portrayed/{token}/revoke", {"confirm": "jade"}),
    )
    assert revoked == 200
    assert (linked in (201, 404), larger in (202, 403, 404)) == (True, True)
    assert value(world, "SELECT count(*) FROM generations WHERE status IN ('queued', 'drawing')") == 0
    heed(
        world.gallery
    )  # a file whose row another request held in that moment goes with the worker's next look
    assert world.gallery.store.names("") == []
    for share in ann.get("/shares").json()["items"]:
        assert share["picture_id"] == picture["id"]
    assert ann.get(f"{path}/file").status_code == 404
