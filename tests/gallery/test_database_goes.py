"""A database that ends in the middle: what was begun is there whole or not at all, and goes on."""

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from select import select
from typing import Any, cast

import pytest
from gallery_stripe import pay
from gallery_world import World
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from fakes.server import FakeServers
from gallery.database import FREE_SECONDS
from gallery.embedded import EmbeddedServer
from gallery.generation.events import tell

END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def cut(world: World) -> None:
    """End every connection, as a restart of the server does."""
    with world.gallery.engine.connect() as connection:
        connection.execute(text(END))


@pytest.mark.parametrize("how", ["restarted", "timed out", "read-only"])
def test_a_request_in_the_middle_of_which_the_database_goes_is_not_carried_out_and_can_be_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ann, version = world.drawing()
    wish = {"version_id": version, "prompt": "smiling", "count": 2, "attempt": str(uuid.uuid4())}

    def goes(db: Session, *told: Any) -> None:
        if how == "restarted":
            cut(world)
        elif how == "timed out":
            db.execute(text("SET idle_in_transaction_session_timeout = 1"))
            socket = db.connection().connection.driver_connection
            assert select([socket], [], [], 60)[0]  # the server says that it ends it
        else:
            db.execute(text("SET TRANSACTION READ ONLY"))
        tell(db, *told)

    with monkeypatch.context() as patch:
        patch.setattr("gallery.generation.request.tell", goes)
        answer = ann.post("/generations", wish)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "database")
    assert ann.get("/generations").json()["items"] == []
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0
    assert ann.post("/generations", wish).status_code == 202
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 2


def test_where_no_connection_is_free_nothing_is_taken_and_the_same_wish_goes_once_one_is(
    selling: World, monkeypatch: pytest.MonkeyPatch, stripe: FakeServers
) -> None:
    world = selling
    pool = cast(QueuePool, world.gallery.engine.pool)
    assert pool._timeout == FREE_SECONDS
    ann, version = world.drawing()
    pay(world, ann)
    before = ann.get("/money").json()["balance"]
    wish = {"version_id": version, "prompt": "smiling", "count": 2, "attempt": str(uuid.uuid4())}
    with ExitStack() as held, monkeypatch.context() as patch:
        patch.setattr(pool, "_timeout", 0.01)
        for _ in range(pool.size() + 10):
            held.enter_context(world.gallery.engine.connect())
        for answer in (
            ann.post("/generations", wish),
            ann.get("/pictures"),
            ann.get("/session"),
            ann.get("/events"),
        ):
            assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "database")
    assert (ann.get("/money").json()["balance"], ann.get("/generations").json()["items"]) == (before, [])
    assert [ann.post("/generations", wish).status_code for _ in range(2)] == [202, 202]
    assert ann.get("/money").json()["balance"] == before - 1
    assert len(ann.get("/generations").json()["items"]) == 1


def test_a_wish_in_the_middle_of_which_the_database_goes_is_drawn_once(world: World) -> None:
    ann, version = world.drawing()
    wish = {"version_id": version, "prompt": "smiling", "count": 3, "seed": 0}
    asked = ann.post("/generations", wish).json()

    def goes(shot: Any) -> None:
        if shot.seed == 1:
            world.drawer.before = None
            cut(world)

    world.drawer.before = goes
    with pytest.raises(DBAPIError):
        world.work(asked)
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], [one["seed"] for one in shown["pictures"]]) == ("done", [0, 1, 2])


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the server's own user reaches: pytest's own are closed to it."""
    made = Path(tempfile.mkdtemp(prefix="gallery-postgres-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_an_embedded_database_that_is_killed_comes_again_with_what_was_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.embedded.LOOK_SECONDS", 0.05)
    server = EmbeddedServer(folder)
    engine = create_engine(server.url().replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT 7 AS number"))
    engine.dispose()
    killed = server.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    number = None
    while number is None:
        try:
            with engine.connect() as connection:
                number = connection.execute(text("SELECT number FROM kept")).scalar_one()
        except OperationalError:
            time.sleep(0.02)
    assert number == 7
    engine.dispose()
    server.close()
