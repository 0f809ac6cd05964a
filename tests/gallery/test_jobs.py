"""The real queue: jobs are taken, tried again and given up."""

import asyncio
import os
import signal
import threading
from typing import Any

import pytest
from gallery_queue import run_all
from gallery_world import World
from sqlalchemy import text

from gallery.generation.jobs import TRIES, run_worker
from likeness.errors import TransientError


def ask(world: World) -> tuple[Any, dict[str, Any]]:
    ann, version = world.drawing()
    return ann, ann.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": 2, "seed": 0}
    ).json()


def test_a_job_is_tried_again_and_draws_what_is_left(world: World) -> None:
    ann, asked = ask(world)

    def once(shot: Any) -> None:
        if shot.seed == 1:
            world.drawer.before = None
            raise TransientError("gone")

    world.drawer.before = once
    run_all(world)
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "done"
    assert [one.seed for one in world.drawer.shots] == [0, 1]


def test_a_job_that_never_goes_ends_the_generation(world: World) -> None:
    ann, asked = ask(world)
    tried: list[int] = []

    def never(shot: Any) -> None:
        tried.append(shot.seed)
        raise TransientError("gone")

    world.drawer.before = never
    run_all(world)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(tried)) == ("failed", TRIES)
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0


@pytest.mark.parametrize("opens", [True, False])
def test_a_worker_takes_its_first_job_once_it_is_ready_or_could_not_get_so(world: World, opens: bool) -> None:
    ann, asked = ask(world)
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    before: list[str] = []

    def ready() -> None:
        before.append(ann.get(f"/generations/{asked['id']}").json()["status"])
        if not opens:
            raise OSError("no such base")

    async def scenario() -> None:
        working = asyncio.create_task(run_worker(world.worker, url, ready=ready))
        while (await asyncio.to_thread(ann.get, f"/generations/{asked['id']}")).json()["status"] != "done":
            assert not working.done()
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await working

    asyncio.run(asyncio.wait_for(scenario(), 120))
    assert before == ["queued"]


def test_a_worker_that_is_told_to_end_does_not_get_ready_first(world: World) -> None:
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    opened = threading.Event()

    def ready() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        opened.wait()

    try:
        asyncio.run(asyncio.wait_for(run_worker(world.worker, url, ready=ready), 120))
    finally:
        opened.set()


def test_a_worker_waits_for_a_database_that_goes_and_ends_when_it_is_told(world: World) -> None:
    ann, version = world.drawing()
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    wish = {"version_id": version, "prompt": "smiling", "count": 1}

    def cut() -> int:
        """Cut all connections but this one; gives how many there were."""
        own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with world.gallery.engine.connect() as connection:
            return len(connection.execute(text(own)).all())

    def registered() -> int:
        with world.gallery.engine.connect() as connection:
            return connection.execute(text("SELECT count(*) FROM procrastinate_workers")).scalar_one()

    async def scenario() -> str:
        working = asyncio.create_task(run_worker(world.worker, url))
        while not await asyncio.to_thread(registered):
            await asyncio.sleep(0.05)
        assert await asyncio.to_thread(cut) > 0
        asked = (await asyncio.to_thread(ann.post, "/generations", wish)).json()
        while (shown := (await asyncio.to_thread(ann.get, f"/generations/{asked['id']}")).json())[
            "status"
        ] != "done":
            assert not working.done()
            await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await working
        return shown["status"]

    assert asyncio.run(asyncio.wait_for(scenario(), 120)) == "done"
