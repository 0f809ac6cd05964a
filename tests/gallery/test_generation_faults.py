"""A wish whose worker dies, whose job is lost, or that is sent again: nothing is drawn or paid twice."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gallery_queue import ask, run_all
from gallery_world import World
from sqlalchemy import select, text

from gallery.generation.ending import fail
from gallery.generation.jobs import MOST_DEATHS, repair
from gallery.generation.work import lock_key
from gallery.tables import Generation, Picture
from likeness.errors import TransientError


def test_a_worker_that_dies_draws_nothing_twice(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 3, seed=10)

    def die(shot: Any) -> None:
        if shot.seed == 11 and len(world.drawer.shots) == 1:
            world.drawer.before = None
            raise TransientError("gone")

    world.drawer.before = die
    with pytest.raises(TransientError):
        world.work(asked)
    world.work(asked)
    assert [one.seed for one in world.drawer.shots] == [10, 11, 12]
    assert ann.get(f"/generations/{asked['id']}").json()["status"] == "done"
    world.work(asked)
    assert len(world.drawer.shots) == 3


def test_two_workers_are_never_at_one_generation(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 1)

    def second(_: Any) -> None:
        with pytest.raises(TransientError, match="another worker"):
            world.work(asked)

    world.drawer.before = second
    world.work(asked)
    assert len(world.drawer.shots) == 1


def test_what_failed_for_good_gives_back_what_was_not_drawn(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 4, seed=0)

    def break_down(shot: Any) -> None:
        if shot.seed == 2:
            raise TransientError("gone")

    world.drawer.before = break_down
    with pytest.raises(TransientError):
        world.work(asked)
    fail(world.gallery, uuid.UUID(asked["id"]), "It did not work.")
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], shown["error"], len(shown["pictures"])) == ("failed", "It did not work.", 2)
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 2


def test_a_cancelled_generation_stores_nothing_more(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 3, seed=0)

    def cancel(shot: Any) -> None:
        if shot.seed == 1:
            assert ann.post(f"/generations/{asked['id']}/cancel").status_code == 200

    world.drawer.before = cancel
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("cancelled", 1)
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 1
    assert ann.post(f"/generations/{asked['id']}/cancel").status_code == 409


def test_the_job_is_there_with_its_generation_or_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, version = world.drawing()
    ask(ann, version, 1)

    def broken(*_: object) -> None:
        raise TransientError("after the job")

    monkeypatch.setattr("gallery.generation.request.tell", broken)
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1})
    assert answer.status_code == 503
    with world.gallery.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 1
        assert len(db.scalars(select(Generation)).all()) == 1


def test_a_dead_workers_job_and_a_generation_without_a_job_move_on(world: World) -> None:
    ann, version = world.drawing()
    ask(ann, version, 1)
    lost = ask(ann, version, 1)
    with world.gallery.transaction() as db:
        db.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT min(id) FROM procrastinate_jobs)"
            )
        )
        db.execute(
            text("DELETE FROM procrastinate_jobs WHERE args->>'generation_id' = :id"), {"id": lost["id"]}
        )
    assert repair(world.gallery) == 1  # the one without a job; the other one was taken just now
    with world.gallery.transaction() as db:
        db.execute(text("UPDATE procrastinate_events SET at = '2026-01-01'"))
        one = db.scalars(select(Generation.id).where(Generation.id != uuid.UUID(lost["id"]))).one()
    with world.gallery.engine.connect() as worker:
        lives = "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
        number = worker.execute(text(lives)).scalar_one()
        worker.execute(
            text("UPDATE procrastinate_jobs SET worker_id = :id WHERE status = 'doing'"), {"id": number}
        )
        worker.commit()
        worker.execute(text("SELECT pg_advisory_lock(:key)"), {"key": lock_key(one)})
        assert repair(world.gallery) == 0  # somebody is at it
        worker.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": lock_key(one)})
    assert repair(world.gallery) == 1
    assert repair(world.gallery) == 0
    with world.gallery.transaction() as db:
        states = db.execute(text("SELECT array_agg(status::text) FROM procrastinate_jobs")).scalar_one()
    assert states == ["todo", "todo"]


def test_a_wish_that_kills_every_worker_ends_and_lets_others_come(world: World) -> None:
    ann, version = world.drawing()
    deadly, other = ask(ann, version, 2), ask(ann, version, 1)

    def status() -> str:
        return ann.get(f"/generations/{deadly['id']}").json()["status"]

    for death in range(MOST_DEATHS + 1):
        assert status() == "queued", death
        with world.gallery.transaction() as db:
            first = "(SELECT min(id) FROM procrastinate_jobs WHERE status = 'todo')"
            db.execute(text(f"UPDATE procrastinate_jobs SET status = 'doing' WHERE id = {first}"))
            db.execute(text("UPDATE procrastinate_events SET at = '2026-01-01'"))
        assert repair(world.gallery) == 1
    assert status() == "failed"
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 1
    run_all(world)
    assert ann.get(f"/generations/{other['id']}").json()["status"] == "done"
    assert len(world.drawer.shots) == 1


def test_a_picture_takes_its_own_place_again_after_a_crash_between_file_and_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 1)
    tell = "gallery.generation.work.tell"
    monkeypatch.setattr(
        tell, lambda db, gallery, one: (_ for _ in ()).throw(TransientError("the database went"))
    )
    with pytest.raises(TransientError):
        world.work(asked)
    monkeypatch.undo()
    world.work(asked)
    with world.gallery.transaction() as db:
        (picture,) = db.scalars(select(Picture))
    assert world.gallery.store.names("") == [picture.thumbnail, picture.file]


def test_a_wish_that_is_sent_again_is_drawn_and_paid_once_also_at_the_same_moment(world: World) -> None:
    world.set(money=True, price_cents=50)
    owner, (ann, version) = world.user("owner", "owner"), world.drawing(per_day=4)
    owner.post("/admin/credits", {"user_id": ann.load()["user"]["id"], "cents": 1000})
    wish = {"version_id": version, "prompt": "smiling", "count": 3, "attempt": str(uuid.uuid4())}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ann.post("/generations", wish), range(6)))
    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["id"] for one in answers}) == 1
    world.work(answers[0].json())
    assert ann.post("/generations", wish).json()["status"] == "done"
    assert len(world.drawer.shots) == 3
    assert len(ann.get("/generations").json()["items"]) == 1
    assert ann.get("/money").json()["balance"] == 8.5
    assert ann.post("/generations", wish | {"attempt": str(uuid.uuid4())}).status_code == 429


def test_an_enlargement_that_is_sent_again_is_one_and_nobody_finds_anothers_attempt(world: World) -> None:
    ann, version = world.drawing()
    bob = world.user("bob")
    world.grant("bob", uuid.UUID(version))
    picture = world.drawn(ann, version)[0]
    body = {"attempt": str(uuid.uuid4())}
    with ThreadPoolExecutor(4) as pool:
        path = f"/pictures/{picture['id']}/upscale"
        made = {one.json()["id"] for one in pool.map(lambda _: ann.post(path, body), range(4))}
    assert len(made) == 1
    other = bob.post("/generations", {"version_id": version, "prompt": "smiling", **body}).json()
    assert other["id"] not in made


def test_a_refused_wish_leaves_its_attempt_free(world: World) -> None:
    ann, version = world.drawing()
    wish = {"version_id": version, "prompt": "naked", "attempt": str(uuid.uuid4())}
    assert ann.post("/generations", wish).status_code == 422
    assert ann.post("/generations", wish | {"prompt": "smiling"}).status_code == 202
