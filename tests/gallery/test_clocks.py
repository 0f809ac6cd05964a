"""Machines whose clocks are minutes apart: what one writes down the other reads by the time of the database."""

import datetime
from collections.abc import Iterator
from dataclasses import replace

import pytest
from gallery_queue import run_all
from gallery_world import PASSWORD, Browser, World
from sqlalchemy import text

from gallery.accounts.tries import SIGN_IN_ADDRESS
from gallery.clock import DatabaseClock, of_this_machine
from gallery.generation.jobs import TRIES
from gallery.takedown.reports import tick
from likeness.errors import TransientError

APART = datetime.timedelta(minutes=20)
"""More than any limit's time, and than a session or a right of these tests has left."""
LEFT = "now() + interval '5 minutes'"


def machine(world: World, url: str, ahead: datetime.timedelta) -> World:
    """Another program of the same gallery, on a machine whose clock is wrong by so much."""
    other = World.at(url, world.gallery.settings.folder)
    clock = DatabaseClock(machine=lambda: of_this_machine() + ahead)
    other.gallery = replace(other.gallery, clock=clock)
    other.set()
    with other.gallery.transaction():  # as when a program opens it
        pass
    return other


@pytest.fixture
def machines(world: World) -> Iterator[tuple[World, World]]:
    """One that is late, and one that is early."""
    url = world.gallery.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    late, early = machine(world, url, -APART), machine(world, url, APART)
    yield late, early
    late.close()
    early.close()


def change(world: World, statement: str) -> None:
    with world.gallery.transaction() as db:
        db.execute(text(statement))


def value(world: World, query: str) -> object:
    with world.gallery.transaction() as db:
        return db.execute(text(query)).scalar_one()


def invited(world: World, name: str) -> Browser:
    world.now = of_this_machine()
    return world.user(name)


def test_a_session_holds_on_every_machine_until_its_end(machines: tuple[World, World]) -> None:
    late, early = machines
    ann = invited(late, "ann")
    change(late, f"UPDATE sessions SET expires = {LEFT}")
    there = Browser(early)
    there.client.cookies = ann.client.cookies
    assert there.get("/people").status_code == 200
    change(late, "UPDATE sessions SET expires = now()")
    assert ann.get("/people").status_code == 401


def test_tries_on_two_machines_count_together(machines: tuple[World, World]) -> None:
    late, early = machines
    invited(late, "ann")
    browsers, codes = [late.browser(), early.browser()], list[int]()
    change(late, "DELETE FROM tries")
    for number in range(SIGN_IN_ADDRESS.tries + 2):
        body = {"email": "ann@example.org", "password": "guess after guess"}
        codes.append(browsers[number % 2].post("/sign-in", body).status_code)
        windows = value(late, 'SELECT count(DISTINCT "window") FROM tries WHERE count > 0')
    if windows == 1:  # no quarter of an hour began in between
        assert codes == [401] * SIGN_IN_ADDRESS.tries + [429, 429]
    assert (
        late.browser().post("/sign-in", {"email": "x@example.org", "password": PASSWORD}).status_code == 401
    )


def test_a_right_and_a_wish_last_as_long_on_a_machine_that_is_early(machines: tuple[World, World]) -> None:
    late, early = machines
    ann, version = invited(late, "ann"), late.person()
    late.grant("ann", version)
    change(late, f"UPDATE rights SET until = {LEFT}")
    asked = ann.post("/generations", {"version_id": str(version), "prompt": "smiling", "count": 2}).json()
    early.work(asked)
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "done"


@pytest.mark.parametrize("which", [0, 1], ids=["late", "early"])
def test_a_job_that_failed_waits_as_long_on_every_machine(machines: tuple[World, World], which: int) -> None:
    one = machines[which]
    ann, version = invited(one, "ann"), one.person()
    one.grant("ann", version)
    asked = ann.post("/generations", {"version_id": str(version), "prompt": "smiling", "count": 2}).json()

    def never(_: object) -> None:
        raise TransientError("gone")

    one.drawer.before = never
    run_all(one)
    soon = "bool_and(scheduled_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute')"
    assert (
        value(
            one, f"SELECT {soon} FROM procrastinate_jobs WHERE status = 'todo' AND scheduled_at IS NOT NULL"
        )
        is True
    )
    assert value(one, "SELECT max(attempts) FROM procrastinate_jobs") < TRIES
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "drawing"


def test_a_report_is_decided_and_reminded_of_by_nobodys_wrong_clock(machines: tuple[World, World]) -> None:
    late, early = machines
    ann, version = invited(late, "ann"), late.person()
    late.grant("ann", version)
    (picture,) = late.drawn(ann, str(version))
    url = ann.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 24}).json()["url"]
    report = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": "x"}
    late.browser().post(f"/shared/{url.rpartition('/')[2]}/takedown", report)
    change(late, f"UPDATE takedowns SET due = {LEFT} + interval '24 hours'")
    tick(early.gallery)
    assert value(late, "SELECT reminders FROM takedowns") == 0
    change(late, f"UPDATE takedowns SET due = {LEFT}")
    tick(early.gallery)
    assert (
        value(late, "SELECT decision FROM takedowns"),
        value(late, "SELECT reminders FROM takedowns"),
    ) == (None, 3)
    change(late, "UPDATE takedowns SET due = now()")
    tick(late.gallery)
    assert value(late, "SELECT decision FROM takedowns") == "remove"
