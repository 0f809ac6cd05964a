"""What owners do and see."""

import json

from gallery_world import PASSWORD, World

from gallery.people.presets import KINDS


def test_an_owner_invites_grants_and_takes_away(world: World) -> None:
    owner, version = world.user("owner", "owner"), world.person()
    url = owner.post("/admin/invitations", {"email": "ann@example.org", "role": "guest"}).json()["url"]
    token = url.rpartition("=")[2]
    assert token in world.mails()[-1].replace("=\n", "")
    ann = world.browser()
    body = {"email": "ann@example.org", "password": PASSWORD, "name": "Ann", "invitation": token}
    assert ann.post("/sign-up", body).status_code == 200
    ann.load()
    which = next(one["id"] for one in owner.get("/admin/users").json()["items"] if one["name"] == "Ann")
    assert owner.get("/people").json() == []  # the owner may draw nobody, and gives rights to everybody
    (there,) = owner.get("/admin/people").json()["items"]
    assert there["versions"] == [{"id": str(version), "name": "v1"}]
    right = {"user_id": which, "version_id": str(version), "per_day": 3, "kinds": ["free"]}
    given = owner.send("PUT", "/admin/rights", right).json()
    assert owner.send("PUT", "/admin/rights", right | {"per_day": 9}).json()["id"] == given["id"]
    asked = ann.post("/generations", {"version_id": str(version), "prompt": "smiling", "count": 2}).json()
    assert owner.send("DELETE", f"/admin/rights?user_id={which}&version_id={version}").status_code == 200
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "cancelled"
    assert ann.post("/generations", {"version_id": str(version), "prompt": "smiling"}).status_code == 404
    assert owner.send("PUT", "/admin/rights", right | {"kinds": ["other"]}).status_code == 422
    assert set(KINDS) >= {"free"}


def test_who_is_blocked_is_out_at_once_and_one_owner_stays(world: World) -> None:
    owner, ann = world.user("owner", "owner"), world.user("ann")
    users = {one["name"]: one["id"] for one in owner.get("/admin/users").json()["items"]}
    owner.send("PATCH", f"/admin/users/{users['ann']}", {"disabled": True})
    assert ann.get("/people").status_code == 401
    assert ann.post("/sign-in", {"email": "ann@example.org", "password": PASSWORD}).status_code in (401, 403)
    for change in ({"role": "member"}, {"disabled": True}):
        assert owner.send("PATCH", f"/admin/users/{users['owner']}", change).status_code == 422


def test_owners_read_the_queue_refusals_storage_and_a_log_whose_chain_holds(world: World) -> None:
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    world.drawn(ann, version, 2)
    ann.post("/generations", {"version_id": version, "prompt": "naked"})
    ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1})
    assert len(owner.get("/admin/queue").json()["items"]) == 1
    assert owner.get("/admin/refusals").json()["items"][0]["reason"] == "explicit-words"
    storage = owner.get("/admin/storage").json()
    assert (storage["pictures"], storage["items"][0]["user"]) == (2, "ann")
    assert storage["bytes"] == storage["items"][0]["bytes"] > 0
    assert owner.get("/admin/workers").json()["items"] == []
    log = owner.get("/admin/audit/export")
    assert owner.get("/admin/audit").json()["whole"] is True
    assert "prompt-refused" in [json.loads(line)["action"] for line in log.text.splitlines()]
    person = owner.get("/admin/people").json()["items"][0]
    url = owner.post(f"/admin/people/{person['id']}/link").json()["url"]
    assert url.rpartition("/")[2] == world.link()


def test_a_line_of_the_log_is_shown_in_words(world: World) -> None:
    owner, version = world.user("owner", "owner"), world.person()
    who = world.user("ann").load()["user"]["id"]
    body = {"user_id": who, "version_id": str(version), "per_day": 5, "kinds": ["portrait", "everyday"]}
    owner.send("PUT", "/admin/rights", body)
    owner.send("PATCH", f"/admin/users/{who}", {"disabled": True})
    blocked, granted = owner.get("/admin/audit").json()["items"][:2]
    assert set(blocked["subject"].split("; ")) == {"user ann@example.org", "blocked yes"}
    said = {"user ann@example.org", f"version {version}", "per day 5", "kinds portrait, everyday"}
    assert set(granted["subject"].split("; ")) == said
