"""Store and database after kills and losses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gallery_world import World
from sqlalchemy import select, text
from typer.testing import CliRunner

from gallery.cli import desk
from gallery.cli.app import app
from gallery.money.ledger import GIVEN, balance, book, user_account
from gallery.pictures.sweeping import sweep
from gallery.tables import Picture, User

ROOT = Path(__file__).parents[2]
DIES = """
import os, pathlib, signal, sys, uuid
from gallery_world import World
world = World.at(sys.argv[1], pathlib.Path(sys.argv[2]))
store, write = world.gallery.store, world.gallery.store.write
def last(name, data):
    write(name, data)
    if name.endswith(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
store.write = last
world.worker.run(uuid.UUID(sys.argv[3]))
"""


def asked(world: World, count: int = 1) -> tuple[Any, dict[str, Any]]:
    ann, version = world.drawing()
    wish = {"version_id": version, "prompt": "smiling", "count": count, "seed": 1}
    return ann, ann.post("/generations", wish).json()


def killed(world: World, generation: dict[str, Any], after: str) -> None:
    """A worker that is killed after it stored a file and before its line is there."""
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    command = [sys.executable, "-c", DIES, url, str(world.gallery.settings.folder), generation["id"], after]
    path = f"{ROOT}{os.pathsep}{ROOT / 'tests'}"
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
    with world.gallery.engine.connect() as connection:
        while connection.scalar(held):  # the server frees its locks once it sees that the process is gone
            time.sleep(0.05)


@pytest.mark.parametrize("after", [".png", pytest.param(".jpg", marks=pytest.mark.slow)])
def test_what_a_kill_left_of_a_wish_that_ended_goes(world: World, after: str) -> None:
    ann, generation = asked(world)
    killed(world, generation, after)
    assert world.gallery.store.names("") != []
    assert sweep(world.gallery).deleted == 0  # the wish is under way: the file's place is taken again
    assert ann.post(f"/generations/{generation['id']}/cancel").status_code == 200
    assert sweep(world.gallery).deleted == (1 if after == ".png" else 2)
    assert world.gallery.store.names("") == []


def test_what_a_kill_left_of_a_wish_under_way_becomes_its_picture(world: World) -> None:
    ann, generation = asked(world)
    killed(world, generation, ".png")
    world.work(generation)
    assert len(ann.get(f"/generations/{generation['id']}").json()["pictures"]) == 1
    names = world.gallery.store.names("")
    assert sweep(world.gallery).deleted == 0
    assert world.gallery.store.names("") == names


def test_half_written_files_go_and_files_of_others_stay(world: World) -> None:
    _, generation = asked(world)
    world.work(generation)
    store = world.gallery.store
    store.write(f"{generation['id']}/0.png.{'a' * 32}", b"half")
    store.write("notes.txt", b"an operator's")
    assert sweep(world.gallery, all_of_it=True).deleted == 1
    assert store.names("") == [f"{generation['id']}/0.jpg", f"{generation['id']}/0.png", "notes.txt"]


def test_an_empty_database_costs_no_picture(world: World, new_database: Callable[..., str]) -> None:
    _, generation = asked(world)
    world.work(generation)
    names = world.gallery.store.names("")
    other = World.at(new_database(), world.gallery.settings.folder)
    try:
        found = sweep(other.gallery)
        assert (found.deleted, sorted(found.unknown)) == (0, names)
        assert world.gallery.store.names("") == names
        sweep(other.gallery, all_of_it=True)
        assert world.gallery.store.names("") == []
    finally:
        other.close()


def test_a_thumbnail_is_made_anew(world: World) -> None:
    _, generation = asked(world)
    world.work(generation)
    world.gallery.store.delete([f"{generation['id']}/0.jpg"])
    assert sweep(world.gallery).thumbnails == 1
    data = world.gallery.store.read(f"{generation['id']}/0.jpg")
    assert data is not None
    assert data.startswith(b"\xff\xd8")


def test_a_lost_picture_is_named_and_given_back_once_where_it_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.set(money=True)
    ann, version = world.drawing()
    with world.gallery.transaction() as db:
        account = user_account(db.scalars(select(User.id)).one())
        book(db, "given:test", GIVEN, account, 100, world.now)
    lost, kept = world.drawn(ann, version, 2)
    world.gallery.store.delete([f"{lost['generation_id']}/0.png"])
    monkeypatch.setattr(desk, "_gallery", lambda: world.gallery)
    told = CliRunner().invoke(app, ["sweep"])
    assert told.exit_code == 1
    assert lost["id"] in told.output
    assert ann.get(f"/pictures/{lost['id']}").status_code == 200
    for _ in range(2):
        assert CliRunner().invoke(app, ["sweep", "--all"]).exit_code == 0
    assert [one["id"] for one in ann.get("/pictures").json()["items"]] == [kept["id"]]
    with world.gallery.transaction() as db:
        assert balance(db, account) == 50
        assert db.scalars(select(Picture.why).where(Picture.gone.is_not(None))).all() == ["lost"]
    assert world.gallery.store.names(f"{lost['generation_id']}") == [
        f"{lost['generation_id']}/1.{kind}" for kind in ("jpg", "png")
    ]
