"""Attacks on what strangers and the persons portrayed are promised: that a report holds, that a decision holds, that less is less."""

from functools import partial
from threading import Thread
from typing import Any

import pytest
from gallery_world import World, waits_for_a_lock

from gallery.accounts.tries import PORTRAYED, TOKEN_PLACE
from gallery.takedown.reports import decide

PATIENCE_SECONDS = 60


def report(world: World, token: str, reason: str) -> str:
    body = {"name": "Mia", "email": "mia@example.org", "reason": reason, "statement": "It is mine."}
    return world.browser().post(f"/shared/{token}/takedown", body).json()["receipt"]


def link(browser: Any, picture: dict[str, Any]) -> str:
    answer = browser.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 2})
    return answer.json()["url"].rpartition("/")[2]


@pytest.mark.parametrize("reason", ["portrayed", "minor"])
def test_another_link_does_not_show_what_a_report_hides(world: World, reason: str) -> None:
    ann, picture, token = world.shared()
    (other,) = world.drawn(ann, ann.get("/people").json()[0]["versions"][0]["id"])
    before, unrelated = link(ann, picture), link(ann, other)
    report(world, token, reason)
    for each in (token, before, link(ann, picture)):
        for path in (f"/shared/{each}", f"/shared/{each}/file"):
            assert world.browser().get(path).status_code == 404
    assert world.browser().get(f"/shared/{unrelated}").status_code == 200
    assert [one["held"] for one in ann.get("/shares").json()["items"]].count(True) == 3


def test_a_second_report_that_is_let_go_opens_nothing_that_the_first_one_hides(world: World) -> None:
    _, _, token = world.shared()
    owner = world.user("owner", "owner")
    first, second = report(world, token, "portrayed"), report(world, token, "other")
    assert owner.post(f"/admin/takedowns/{second}", {"decision": "keep"}).status_code == 200
    assert world.browser().get(f"/shared/{token}").status_code == 404
    assert owner.post(f"/admin/takedowns/{first}", {"decision": "keep"}).status_code == 200
    assert world.browser().get(f"/shared/{token}").status_code == 200


def test_a_copy_that_is_stored_while_the_picture_is_taken_down_goes_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has looked for what is blocked, and its copy is not there yet when the owner decides."""
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version, seed=1)
    receipt = report(world, link(ann, picture), "rights")
    decision = Thread(target=partial(decide, world.gallery, receipt, "remove", "owner@example.org"))
    write = type(world.gallery.store).write

    def slow(store: Any, name: str, data: bytes) -> None:
        if not decision.ident:
            decision.start()
            while decision.is_alive() and not waits_for_a_lock(world):
                decision.join(0.01)
        write(store, name, data)

    world.pass_time(minutes=1)
    monkeypatch.setattr(type(world.gallery.store), "write", slow)
    world.drawn(ann, version, seed=1)
    decision.join(PATIENCE_SECONDS)
    assert ann.get("/pictures").json()["items"] == []
    assert world.browser().get(f"/takedowns/{receipt}").json()["copies"] == 2


def test_strangers_use_up_no_tries_of_the_person_portrayed(world: World) -> None:
    ann, version = world.drawing()
    world.drawn(ann, version)
    token, stranger = world.link(), world.browser()
    for _ in range(
        TOKEN_PLACE.tries + 1
    ):  # from the same place: behind one router, or a proxy that nobody named
        refused = stranger.post("/password/reset", {"token": "guess", "password": "another password"})
    assert refused.status_code == 429
    narrower = {"kinds": ["portrait"], "per_day": 3}
    assert stranger.post(f"/portrayed/{token}/narrow", narrower).status_code == 200
    for _ in range(PORTRAYED.tries):
        again = stranger.post(f"/portrayed/{token}/narrow", narrower)
    assert again.status_code == 429
    assert stranger.post(f"/portrayed/{token}/revoke", {"confirm": "jade"}).status_code == 200


def test_what_waits_beyond_fewer_pictures_a_day_is_not_drawn(world: World) -> None:
    ann, version = world.drawing()
    world.drawn(ann, version, 2)
    wish = {"version_id": version, "prompt": "smiling"}
    older = ann.post("/generations", wish | {"count": 1}).json()
    world.pass_time(minutes=1)
    newer = ann.post("/generations", wish | {"count": 2}).json()
    path = f"/portrayed/{world.link()}/narrow"
    for per_day, statuses in (
        (5, ["queued", "queued"]),
        (4, ["queued", "cancelled"]),
        (0, ["cancelled"] * 2),
    ):
        answer = world.browser().post(path, {"kinds": ["free"], "per_day": per_day})
        assert answer.status_code == 200
        shown = [ann.get(f"/generations/{one['id']}").json()["status"] for one in (older, newer)]
        assert shown == statuses, per_day
    world.work(newer)
    world.work(older)
    assert len(ann.get("/pictures").json()["items"]) == 2
