"""An object store that fails in the middle: every wish ends, no credit is lost, nothing is orphaned. A proxy damages requests
before a real S3 server; all else is the real store code."""

import asyncio
import hashlib
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
from faulty_s3 import FaultyS3, faulty
from gallery_queue import run_all
from gallery_stripe import balances
from gallery_world import Browser, World, app_of
from sqlalchemy import select, text

from fakes.s3 import S3Server
from gallery.api.app import FILES_AT_ONCE
from gallery.money.ledger import GIVEN, book, user_account
from gallery.opening import open_store
from gallery.pictures.erasing import erase_gone
from gallery.pictures.sweeping import sweep
from gallery.tables import Generation, Picture, User

PRICE, GIVEN_CENTS = 50, 1000


@pytest.fixture
def store(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    with faulty(s3.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


@pytest.fixture
def paying(world: World, s3: S3Server, store: FaultyS3) -> World:
    """A gallery whose pictures lie in the store that fails, and cost something."""
    settings = world.gallery.settings.model_copy(update={"money": True, "price_cents": PRICE})
    place = open_store(f"s3://{s3.new_bucket()}/pictures")
    world.gallery = replace(world.gallery, settings=settings, store=place)
    world.app = app_of(world.gallery)
    return world


def rich(world: World) -> tuple[Browser, str]:
    """Ann, who has credits and may draw jade."""
    ann, version = world.drawing()
    with world.gallery.transaction() as db:
        user = db.scalars(select(User)).one()
        book(db, "given:test", GIVEN, user_account(user.id), GIVEN_CENTS, world.now)
    return ann, version


def ask(ann: Browser, version: str, count: int = 2) -> dict[str, Any]:
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": count, "seed": 0})
    assert answer.status_code == 202, answer.text
    return answer.json()


def adds_up(world: World) -> None:
    """Every picture was paid once and lies there whole with its thumbnail, and nothing else lies there."""
    with world.gallery.transaction() as db:
        pictures = list(db.scalars(select(Picture).where(Picture.gone.is_(None))))
        assert set(db.scalars(select(Generation.status))) <= {"done", "failed", "cancelled"}
    for one in pictures:
        data = world.gallery.store.read(one.file)
        assert data is not None
        assert hashlib.sha256(data).hexdigest() == one.sha256
    names = sorted(name for one in pictures for name in (one.file, one.thumbnail))
    assert world.gallery.store.names("") == names
    paid = PRICE * len(pictures)
    wanted = {"user": GIVEN_CENTS - paid, "given": -GIVEN_CENTS} | ({"gallery": paid} if paid else {})
    assert balances(world) == wanted


@pytest.mark.parametrize("kind", ["cut", "half", "answer-lost", "403", "503"])
def test_a_fault_that_passes_costs_nobody_anything(paying: World, store: FaultyS3, kind: str) -> None:
    ann, version = rich(paying)
    asked = ask(ann, version)
    store.once(kind, "PUT")
    run_all(paying)
    assert kind in {one[2] for one in store.seen}
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("done", 2)
    adds_up(paying)


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("cut", ".png"),
        ("half", ".png"),
        ("half", ".jpg"),
        ("answer-lost", ".jpg"),
        ("403", ".jpg"),
        ("503", ".png"),
    ],
)
def test_a_fault_that_stays_ends_the_wish_and_gives_everything_back(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch, kind: str, end: str
) -> None:
    monkeypatch.setattr("likeness.store.s3_client.QUICK_ATTEMPTS", 1)
    ann, version = rich(paying)
    asked = ask(ann, version)
    store.always(kind, "PUT", end=end)
    run_all(paying)
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "failed"
    store.heal()
    sweep(paying.gallery)
    adds_up(paying)
    assert paying.gallery.store.names("") == []


def test_what_was_drawn_before_a_fault_that_stays_is_kept_and_paid(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likeness.store.s3_client.QUICK_ATTEMPTS", 1)
    ann, version = rich(paying)
    asked = ask(ann, version, 3)
    store.always("503", "PUT", end="/2.png")
    run_all(paying)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("failed", 2)
    store.heal()
    adds_up(paying)


@pytest.mark.parametrize(
    ("kind", "status"), [("cut", 503), ("half", 503), ("403", 503), ("503", 503), ("gone", 404)]
)
def test_a_picture_that_does_not_come_whole_is_not_shown(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    monkeypatch.setattr("likeness.store.s3_client.QUICK_ATTEMPTS", 1)
    ann, version = rich(paying)
    (picture,) = paying.drawn(ann, version)
    store.always(kind, "GET", end=".png")
    answer = ann.get(f"/pictures/{picture['id']}/file")
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
    assert "bucket" not in answer.text
    archive = ann.post("/pictures/zip", {"ids": [picture["id"]]})
    assert (archive.status_code, set(archive.json())) == (503 if status == 503 else 422, {"error"})
    larger = ann.post(f"/pictures/{picture['id']}/upscale").json()
    run_all(paying)
    store.heal()
    shown = ann.get(f"/generations/{larger['id']}").json()
    ends = ("done", "The picture is not there any more.") if status == 404 else ("failed", None)
    assert (shown["status"], *[one["sentence"] for one in shown["refused"]][:1]) == tuple(filter(None, ends))
    adds_up(paying)


@pytest.mark.parametrize("kind", ["keys-refused", "cut", "403", "503"])
def test_what_the_store_does_not_delete_is_not_said_to_be_gone(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("likeness.store.s3_client.QUICK_ATTEMPTS", 1)
    ann, version = rich(paying)
    first, _ = paying.drawn(ann, version, 2)
    store.always(kind, "POST")
    deleted = ann.send("DELETE", f"/pictures/{first['id']}").json()
    assert deleted["erased"] is False
    receipt = paying.browser().post(f"/portrayed/{paying.link()}/revoke", {"confirm": "jade"}).json()
    assert (receipt["withdrawn"], receipt["storage"]) == (1, 0)
    assert ann.get(f"/pictures/{first['id']}/file").status_code == 404
    assert len(paying.gallery.store.names("")) == 4
    store.heal()
    erase_gone(paying.gallery)
    assert paying.gallery.store.names("") == []
    with paying.gallery.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM pictures WHERE erased IS NULL")).scalar_one() == 0


@pytest.mark.parametrize("kind", ["403", "503", "cut"])
def test_a_sweep_that_cannot_list_decides_nothing(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("likeness.store.s3_client.QUICK_ATTEMPTS", 1)
    ann, version = rich(paying)
    paying.drawn(ann, version)
    store.fault = lambda method, path: kind if method == "GET" and "list-type" in path else None
    with pytest.raises(Exception, match="listing"):
        sweep(paying.gallery, all_of_it=True)
    store.heal()
    assert sweep(paying.gallery).lost == []
    adds_up(paying)


def test_a_store_that_is_silent_while_a_picture_is_stored_keeps_nobody_elses_wish_waiting(
    paying: World, store: FaultyS3
) -> None:
    ann, version = rich(paying)
    bob = paying.user("bob")
    paying.grant("bob", uuid.UUID(version))
    with paying.gallery.transaction() as db:
        for user in db.scalars(select(User).where(User.email == "bob@example.org")):
            book(db, "given:bob", GIVEN, user_account(user.id), PRICE, paying.now)
        database = db.execute(text("SELECT current_database()")).scalar_one()
        db.execute(text(f"ALTER DATABASE {database} SET lock_timeout = '2s'"))
    paying.gallery.engine.dispose()
    asked = ask(ann, version, 1)
    store.always("silent", "PUT")
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(paying.work, asked)
        assert store.waiting.wait(60)
        ask(bob, version, 1)
        store.heal()
        drawing.result()
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "done"


def test_pictures_that_a_silent_store_does_not_give_keep_no_other_page_waiting(
    paying: World, store: FaultyS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, version = rich(paying)
    (picture,) = paying.drawn(ann, version)
    monkeypatch.setattr("likeness.store.s3_client.QUICK_READ_S", 600.0)
    paying.gallery = replace(paying.gallery, store=open_store(paying.gallery.store.url))
    paying.app = app_of(paying.gallery)
    store.always("silent", "GET")
    path, seen = f"/pictures/{picture['id']}/file", len(store.seen)

    cookie = "; ".join(f"{one.name}={one.value}" for one in ann.client.cookies.jar)

    async def scenario() -> list[int]:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(paying.app),
            base_url="http://127.0.0.1:8700",
            headers={"cookie": cookie},
        )
        many = int(anyio.to_thread.current_default_thread_limiter().total_tokens) + 5
        files = [asyncio.create_task(client.get(f"/api{path}")) for _ in range(many)]
        try:
            while len(store.seen) - seen < FILES_AT_ONCE and not any(one.done() for one in files):
                await asyncio.sleep(0.01)
            assert (await client.get("/api/people")).status_code == 200
            assert not any(one.done() for one in files)
        finally:
            store.heal()
        return [one.status_code for one in await asyncio.gather(*files)]

    assert set(asyncio.run(scenario())) == {200}
