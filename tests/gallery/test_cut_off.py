"""A worker that the network cuts off in silence: its wish moves on, and what it sends later comes to nothing."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from gallery_fakes import FakeDrawer
from gallery_world import World
from silent_proxy import SilentProxy
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gallery.database import OPEN_SECONDS, SILENT_SECONDS, open_engine
from gallery.generation.cut_off import DEAD_AFTER_SECONDS
from gallery.generation.jobs import LOOK_SECONDS, REPAIR_SECONDS, TRIES, WAITS_SECONDS, repair
from gallery.generation.work import Worker

AGES_AGO = (
    "UPDATE procrastinate_workers SET last_heartbeat = '2026-01-01'",
    "UPDATE procrastinate_events SET at = '2026-01-01'",
)


@pytest.fixture
def proxy(world: World) -> Iterator[SilentProxy]:
    url = world.gallery.engine.url
    made = SilentProxy(f"{url.query['host']}/.s.PGSQL.{url.port or 5432}")
    yield made
    made.close()


@pytest.fixture
def drawing_behind(world: World, proxy: SilentProxy) -> Iterator[Callable[[dict[str, Any]], threading.Event]]:
    """Begins to draw a wish behind the proxy and goes silent in its middle; gives what lets the drawer go on."""
    at = world.gallery.engine.url
    engine = open_engine(f"postgresql://{at.username}@127.0.0.1:{proxy.port}/{at.database}")
    go_on, threads = threading.Event(), list[threading.Thread]()

    def begin(asked: dict[str, Any]) -> threading.Event:
        at_it = threading.Event()

        def wait(_: object) -> None:
            at_it.set()
            go_on.wait()

        worker = Worker(
            gallery=replace(world.gallery, engine=engine),
            drawer=FakeDrawer(before=wait),
            finisher=world.finisher,
        )

        def work() -> None:
            with pytest.raises(OperationalError):
                worker.run(world.number(asked))

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert at_it.wait(60)
        proxy.go_silent()
        return go_on

    yield begin
    go_on.set()
    proxy.close()
    for one in threads:
        one.join(60)
        assert not one.is_alive()
    engine.dispose()


def taken(world: World) -> None:
    """The job, as a worker leaves it that took it and was cut off."""
    with world.gallery.transaction() as db:
        worker = db.execute(
            text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        ).scalar_one()
        db.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :id"), {"id": worker})


def test_a_worker_that_is_cut_off_in_silence_keeps_no_wish(
    world: World, drawing_behind: Callable[[dict[str, Any]], threading.Event]
) -> None:
    ann, version = world.drawing()
    asked = ann.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": 2, "seed": 0}
    ).json()
    taken(world)
    go_on = drawing_behind(asked)
    with world.gallery.transaction() as db:
        db.execute(text(AGES_AGO[1]))
    assert repair(world.gallery) == 0  # it said just now that it lives
    with world.gallery.transaction() as db:
        db.execute(text(AGES_AGO[0]))
    assert repair(world.gallery) == 1
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("done", 2)
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 2
    go_on.set()


def test_a_worker_that_was_taken_for_dead_and_comes_back_stores_nothing_over_what_is_there(
    world: World,
) -> None:
    ann, version = world.drawing()
    asked = ann.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": 1, "seed": 0}
    ).json()
    late = FakeDrawer()

    def draw_it_first(_: object) -> None:
        with world.gallery.engine.connect() as connection:  # what ended its connections
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 2000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                )
            )
        world.work(asked)

    late.before = draw_it_first
    with pytest.raises(OperationalError):
        Worker(gallery=world.gallery, drawer=late, finisher=world.finisher).run(world.number(asked))
    (picture,) = ann.get(f"/generations/{asked['id']}").json()["pictures"]
    answer = ann.get(f"/pictures/{picture['id']}/file")
    assert answer.status_code == 200
    with world.gallery.transaction() as db:
        sha256 = db.execute(text("SELECT sha256 FROM pictures")).scalar_one()
    assert hashlib.sha256(answer.content).hexdigest() == sha256


def test_a_wish_moves_on_within_a_minute() -> None:
    again = REPAIR_SECONDS + LOOK_SECONDS
    assert DEAD_AFTER_SECONDS + again < 60
    assert OPEN_SECONDS + again <= 60
    assert SILENT_SECONDS < DEAD_AFTER_SECONDS
    assert sum(WAITS_SECONDS) + TRIES * LOOK_SECONDS < 60
