"""The person portrayed sees everything, allows less, or ends it."""

import datetime
import json
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from gallery_fakes import FakeRecords
from gallery_world import World
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gallery.people.consent import Repository
from gallery.people.layout import take_in
from gallery.portrayed.decisions import heed, revoke
from gallery.portrayed.links import link_token
from gallery.tables import Person
from likeness.digests import sha256_bytes
from likeness.lora.safetensors_io import weights_bytes
from likeness.safety.consent.revocations import revocations


def test_a_signed_link_shows_every_picture_and_by_whom(world: World) -> None:
    ann, version = world.drawing()
    bob = world.user("bob")
    world.grant("bob", uuid.UUID(version), 7)
    pictures = world.drawn(ann, version, 2) + world.drawn(bob, version)
    her, token = world.browser(), world.link()
    page = her.get(f"/portrayed/{token}").json()
    assert (page["person"]["name"], page["revoked"]) == ("jade", None)
    assert page["scope"] == "Record jade-1 allows: generate."
    assert {one["id"] for one in page["pictures"]["items"]} == {one["id"] for one in pictures}
    assert [(one["name"], one["pictures"], one["per_day"]) for one in page["users"]] == [
        ("ann", 2, 20),
        ("bob", 1, 7),
    ]
    assert her.get(f"/portrayed/{token}/pictures/{pictures[0]['id']}/file").content.startswith(b"\x89PNG")


def test_her_page_names_as_allowed_who_may_draw_her_now(world: World) -> None:
    ann, version = world.drawing()
    yesterday = world.now - datetime.timedelta(days=1)
    for name, changes in [("bob", {"until": yesterday}), ("cy", {}), ("di", {"per_day": 2})]:
        world.user(name)
        world.grant(name, uuid.UUID(version), **changes)
    world.drawn(ann, version)
    owner = world.user("owner", "owner")
    for name in ("ann", "cy"):
        who = next(x for x in owner.get("/admin/users").json()["items"] if x["name"] == name)
        owner.send("PATCH", f"/admin/users/{who['id']}", {"disabled": name == "ann"})
    page = world.browser().get(f"/portrayed/{world.link()}")
    users = [(one["name"], one["per_day"]) for one in page.json()["users"]]
    assert users == [("ann", None), ("cy", 20), ("di", 2)]
    world.browser().post(f"/portrayed/{world.link()}/narrow", {"kinds": ["portrait"], "per_day": 3})
    users = world.browser().get(f"/portrayed/{world.link()}").json()["users"]
    assert [(one["name"], one["per_day"]) for one in users] == [("ann", None), ("cy", 3), ("di", 2)]


def test_she_allows_less_and_never_more(world: World) -> None:
    ann, version = world.drawing()
    waiting = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1}).json()
    her, path = world.browser(), f"/portrayed/{world.link()}/narrow"
    assert her.post(path, {"kinds": ["portrait"], "per_day": 3}).json() == {
        "kinds": ["portrait"],
        "per_day": 3,
    }
    assert ann.get(f"/generations/{waiting['id']}").json()["status"] == "cancelled"
    wider = (
        {"kinds": ["portrait", "free"], "per_day": 3},
        {"kinds": ["portrait"]},
        {"kinds": [], "per_day": 4},
    )
    for body in wider:
        assert her.post(path, body).status_code == 422
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1})
    assert answer.json()["error"]["reason"] == "prompt-kind"


def test_she_revokes_and_everything_goes_with_a_counted_receipt(world: World) -> None:
    ann, version = world.drawing()
    pictures = world.drawn(ann, version, 3)
    token = (
        ann.post(f"/pictures/{pictures[0]['id']}/shares", {"expires_hours": 9})
        .json()["url"]
        .rpartition("/")[2]
    )
    waiting = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    her, path = world.browser(), f"/portrayed/{world.link()}/revoke"
    assert her.post(path, {"confirm": "jad"}).status_code == 422
    receipt = her.post(path, {"confirm": "jade"}).json()
    counted = {name: receipt[name] for name in ("withdrawn", "shares", "storage", "cancelled", "listed")}
    assert counted == {"withdrawn": 3, "shares": 1, "storage": 3, "cancelled": 1, "listed": True}
    assert world.gallery.store.names("") == []
    assert ann.get("/pictures").json()["items"] == []
    assert ann.get("/people").json() == []
    assert world.browser().get(f"/shared/{token}").status_code == 404
    assert ann.get(f"/generations/{waiting['id']}").json()["status"] == "cancelled"
    world.work(waiting)
    assert len(world.drawer.shots) == 3
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling"})
    assert answer.json()["error"]["reason"] == "consent-revoked"
    assert her.post(path, {"confirm": "jade"}).status_code == 409
    page = her.get(f"/portrayed/{world.link()}").json()
    assert (page["gone"], page["revoked"]["withdrawn"], page["pictures"]["items"]) == (3, 3, [])


def test_a_revocation_while_a_picture_is_drawn_lets_it_not_in(world: World) -> None:
    ann, version = world.drawing()
    her, path = world.browser(), f"/portrayed/{world.link()}/revoke"
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    answers: list[Any] = []
    world.drawer.before = lambda shot: answers.append(her.post(path, {"confirm": "jade"}).status_code)
    world.work(asked)
    assert answers == [200]
    assert world.gallery.store.names("") == []
    assert ann.get("/pictures").json()["items"] == []


def test_what_was_revoked_is_never_opened_again(world: World, tmp_path: Path) -> None:
    world.person()
    world.browser().post(f"/portrayed/{world.link()}/revoke", {"confirm": "jade"})
    world.records.ended.clear()
    for change in ("DELETE FROM revocations", "UPDATE revocations SET consent_id = 'x'"):
        with pytest.raises(DBAPIError, match="only ever added"), world.gallery.engine.begin() as connection:
            connection.execute(text(change))
    folder = tmp_path / "versions"
    folder.mkdir()
    lay(folder, "jade-1")
    taken, (why,) = take_in(world.gallery)
    assert (taken, why.reason) == ([], "consent-revoked")
    lay(folder, "jade-2")
    assert [len(part) for part in take_in(world.gallery)] == [1, 0]
    assert take_in(world.gallery) == ([], [])


def test_a_revocation_takes_the_weights_and_what_cannot_be_taken_in_keeps_nobody_out(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    for number, record in enumerate(("jade-1", "mia-1")):
        lay(folder, record, name=f"{number}.json")
    assert [len(part) for part in take_in(world.gallery)] == [2, 0]
    with world.gallery.transaction() as db:
        jade = db.query(Person).filter_by(consent_id="jade-1").one()
        link = link_token(world.gallery, jade)
    world.browser().post(f"/portrayed/{link}/revoke", {"confirm": "jade"})
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".safetensors"]
    assert json.loads((folder / "1.json").read_text())["consent_id"] == "mia-1"
    lay(folder, "jade-1", name="0.json")
    (folder / "broken.json").write_text("{")
    lay(folder, "zoe-1", name="z.json")
    taken, left_out = take_in(world.gallery)
    assert len(taken) == 1
    assert [one.reason for one in left_out] == ["consent-revoked", "weights-changed"]


def lay(folder: Path, consent_id: str, said: dict[str, str] | None = None, *, name: str = "a.json") -> None:
    """Weights that say `said` (else their record) beside a file that says this record."""
    data = weights_bytes({}, {"likeness.consent_id": consent_id} if said is None else said)
    (folder / f"{sha256_bytes(data)}.safetensors").write_bytes(data)
    laid = {
        "persona": "jade", "name": "v2", "consent_id": consent_id, "consent_sha256": "c" * 64,
        "weights_sha256": sha256_bytes(data), "trigger": "jade", "class_word": "woman",
    }  # fmt: skip
    (folder / name).write_text(json.dumps(laid))


def test_weights_of_another_record_are_not_taken_in(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    for said in ({"likeness.consent_id": "mia-1"}, {}):
        lay(folder, "jade-1", said)
        taken, (why,) = take_in(world.gallery)
        assert (taken, why.reason) == ([], "another-consent")


def test_a_record_that_was_revoked_elsewhere_ends_everything_here(world: World) -> None:
    ann, version = world.drawing()
    world.drawn(ann, version, 2)
    waiting = ann.post("/generations", {"version_id": version, "prompt": "smiling"}).json()
    assert heed(world.gallery) == 0
    world.records.ended.add("jade-1")
    assert (heed(world.gallery), heed(world.gallery)) == (1, 0)
    assert ann.get("/pictures").json()["items"] == []
    assert ann.get(f"/generations/{waiting['id']}").json()["status"] == "cancelled"
    assert world.gallery.store.names("") == []
    told = world.browser().get(f"/portrayed/{world.link()}").json()["revoked"]
    assert (told["withdrawn"], told["storage"], told["cancelled"], told["listed"]) == (2, 2, 1, True)


@pytest.mark.parametrize("fault", [OSError("read-only"), KeyboardInterrupt()], ids=["read-only", "killed"])
def test_a_revocation_is_finished_by_whoever_comes_next(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    """No backup brings the person back once it is on likeness' own list, and the receipt counts what was erased."""
    ann, version = world.drawing()
    world.drawn(ann, version, 2)

    link = world.link()
    with monkeypatch.context() as patch:
        patch.setattr(FakeRecords, "revoke", Mock(side_effect=fault))
        with suppress(KeyboardInterrupt):
            revoke(world.gallery, link, "jade")
        if isinstance(fault, OSError):
            heed(world.gallery)
    assert ann.get("/pictures").json()["items"] == []
    assert world.records.ended == set()
    heed(world.gallery)
    assert world.records.ended == {"jade-1"}
    told = world.browser().get(f"/portrayed/{link}").json()["revoked"]
    assert (told["withdrawn"], told["storage"], told["listed"]) == (2, 2, True)
    world.records.ended.clear()
    heed(world.gallery)
    assert not world.records.ended  # finished once


def test_a_link_shows_nothing_while_no_consent_is_in_force(world: World) -> None:
    ann, version = world.drawing()
    (one,) = world.drawn(ann, version)
    url = ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": 90}).json()["url"]
    shared, stranger = f"/shared/{url.rpartition('/')[2]}", world.browser()
    for reason, status in [("consent-expired", 404), ("consent-missing", 404), ("consent-changed", 200)]:
        world.records.lapsed["jade-1"] = reason
        assert (heed(world.gallery), heed(world.gallery)) == (0, 0)
        assert stranger.get(shared).status_code == stranger.get(f"{shared}/file").status_code == status
        wish = {"version_id": version, "prompt": "smiling"}
        assert ann.post("/generations", wish).status_code == 403
    assert [x["id"] for x in ann.get("/pictures").json()["items"]] == [one["id"]]
    log = world.user("owner", "owner").get("/admin/audit").json()["items"]
    told = [x["action"] for x in log if x["action"].startswith("consent-")]
    assert told == ["consent-back", "consent-lapsed"]


def test_a_new_link_ends_the_old_one(world: World) -> None:
    world.person()
    her, token = world.browser(), world.link()
    url = her.post(f"/portrayed/{token}/renew").json()["url"]
    assert her.get(f"/portrayed/{token}").status_code == 404
    assert her.get(f"/portrayed/{url.rpartition('/')[2]}").status_code == 200


def test_a_revocation_goes_on_likeness_own_list(tmp_path: Path) -> None:
    person = Person(name="jade", consent_id="jade-1", consent_sha256="c" * 64)
    Repository(root=tmp_path).revoke(person, datetime.date(2026, 11, 28))
    assert [one.id for one in revocations(tmp_path)] == ["jade-1"]
