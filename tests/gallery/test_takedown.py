"""Reports on shared pictures, and what the clock does."""

from typing import Any

import pytest
from gallery_world import World
from sqlalchemy import update

from gallery.tables import Picture
from gallery.takedown.reports import tick


def shared(world: World) -> tuple[Any, str, Any, str]:
    ann, version = world.drawing()
    (one,) = world.drawn(ann, version, seed=1)
    url = ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": 90}).json()["url"]
    return ann, version, one, url.rpartition("/")[2]


def report(world: World, token: str, reason: str = "rights") -> Any:
    body = {"name": "Mia", "email": "mia@example.org", "reason": reason, "statement": "It is mine."}
    answer = world.browser().post(f"/shared/{token}/takedown", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_owner_withdraws_a_reported_picture_and_all_that_look_like_it(world: World) -> None:
    ann, version, one, token = shared(world)
    (near,) = world.drawn(ann, version, seed=1)
    (far,) = world.drawn(ann, version, seed=2)
    with world.gallery.transaction() as db:  # 20 bits of 256 differ
        pdq = db.get_one(Picture, one["id"]).pdq
        flipped = "".join("10"[int(bit)] if at < 20 else bit for at, bit in enumerate(pdq))
        db.execute(update(Picture).where(Picture.id == near["id"]).values(pdq=flipped))
    receipt = report(world, token)
    owner = world.user("owner", "owner")
    (listed,) = owner.get("/admin/takedowns").json()["items"]
    assert (listed["statement"], listed["receipt"]) == ("It is mine.", receipt["receipt"])
    path = f"/admin/takedowns/{receipt['receipt']}"
    assert owner.post(path, {"decision": "remove"}).json()["copies"] == 2
    assert owner.post(path, {"decision": "keep"}).status_code == 409
    assert [x["id"] for x in ann.get("/pictures").json()["items"]] == [far["id"]]
    shown = world.browser().get(f"/takedowns/{receipt['receipt']}").json()
    assert (shown["decision"], shown["copies"]) == ("remove", 2)
    assert "email" not in shown
    world.pass_time(minutes=1)
    assert world.drawn(ann, version, seed=1) == []
    refused = ann.get("/generations").json()["items"][0]["refused"]
    assert refused[0]["reason"] == "taken-down"


def test_whoever_decides_sees_the_picture_and_nobody_else_does(world: World) -> None:
    ann, _, one, token = shared(world)
    receipt = report(world, token, "portrayed")
    owner = world.user("owner", "owner")
    (listed,) = owner.get("/admin/takedowns").json()["items"]
    path = listed["file_url"].removeprefix("/api")
    shown = owner.get(path)
    assert shown.content == ann.get(f"/pictures/{one['id']}/file").content
    assert "no-store" in shown.headers["cache-control"]
    assert (ann.get(path).status_code, world.browser().get(path).status_code) == (403, 401)
    log = owner.get("/admin/audit").json()["items"]
    assert ("reported-picture-seen", f"takedown {receipt['receipt']}") in [
        (x["action"], x["subject"]) for x in log
    ]
    owner.post(f"/admin/takedowns/{receipt['receipt']}", {"decision": "remove"})
    assert owner.get(path).status_code == 404
    assert owner.get("/admin/takedowns").json()["items"][0]["file_url"] is None


@pytest.mark.parametrize(("reason", "status"), [("rights", 200), ("portrayed", 404)])
def test_who_says_it_shows_them_is_believed_until_it_is_decided(
    world: World, reason: str, status: int
) -> None:
    _, _, _, token = shared(world)
    receipt = report(world, token, reason)
    assert world.browser().get(f"/shared/{token}").status_code == status
    world.user("owner", "owner").post(f"/admin/takedowns/{receipt['receipt']}", {"decision": "keep"})
    assert world.browser().get(f"/shared/{token}").status_code == 200


def test_the_clock_reminds_and_decides_after_48_hours(world: World) -> None:
    ann, _, one, token = shared(world)
    world.user("owner", "owner")
    receipt = report(world, token)
    reminders = []
    for hours in (23, 1, 1, 11, 10, 1.9):
        world.pass_time(hours=hours)
        before = len(world.mails())
        tick(world.gallery)
        tick(world.gallery)
        reminders.append(len(world.mails()) - before)
    assert reminders == [0, 1, 0, 1, 1, 0]
    assert ann.get(f"/pictures/{one['id']}").status_code == 200
    world.pass_time(hours=0.1)
    tick(world.gallery)
    assert ann.get(f"/pictures/{one['id']}").status_code == 404
    assert world.browser().get(f"/takedowns/{receipt['receipt']}").json()["decision"] == "remove"


def test_reports_are_counted_by_place(world: World) -> None:
    _, _, _, token = shared(world)
    for _ in range(10):
        report(world, token)
    body = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": "x"}
    assert world.browser().post(f"/shared/{token}/takedown", body).status_code == 429
