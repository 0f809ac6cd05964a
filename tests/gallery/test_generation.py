"""From a wish to pictures, whatever happens in between."""

import uuid
from typing import Any

import pytest
from gallery_queue import ask
from gallery_world import NOON, World
from sqlalchemy import select, text

from gallery.people import consent
from gallery.people.granting import grant
from gallery.people.presets import PRESETS, kind_of
from gallery.tables import Person, User
from gallery.words import refuse_words
from likeness.errors import InputError
from likeness.safety.gates import Subject, refuse

REFUSED = InputError("The picture is refused.", reason="explicit", kind="refused")


def test_a_wish_becomes_pictures(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 3, seed=7, strength=0.8, aspect="portrait", negative="blurred")
    assert (asked["status"], asked["place"], asked["done"]) == ("queued", 1, 0)
    assert asked["prompt"] == "jade woman, smiling"
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], shown["done"], shown["seconds_left"]) == ("done", 3, None)
    assert [one["seed"] for one in shown["pictures"]] == [7, 8, 9]
    assert {one.strength for one in world.drawer.shots} == {0.8}
    assert world.gallery.store.read(f"{asked['id']}/0.png") is not None


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        ("jade in a red coat", "jade woman in a red coat"),
        ("Jade, in a red coat", "jade woman, in a red coat"),
        ("jaded, in a red coat", "jade woman, jaded, in a red coat"),
        ("a portrait of jade woman", "a portrait of jade woman"),
    ],
)
def test_the_persons_name_stands_once_where_the_words_begin_with_it(
    world: World, words: str, prompt: str
) -> None:
    ann, version = world.drawing()
    assert ann.post("/generations", {"version_id": version, "prompt": words}).json()["prompt"] == prompt


def test_a_prompt_that_a_gate_refuses_costs_nothing_and_is_noted_without_its_words(world: World) -> None:
    ann, version = world.drawing()
    answer = ann.post("/generations", {"version_id": version, "prompt": "naked on a beach"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "explicit-words")
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0
    with world.gallery.transaction() as db:
        line = db.execute(text("SELECT data::text FROM audit WHERE action = 'prompt-refused'")).scalar_one()
    assert "naked" not in line


@pytest.mark.parametrize("negative", ["clothes", "(cl0thes:1.5)", "clothing, dressed"])
def test_words_that_would_have_it_drawn_without_clothes_are_refused(world: World, negative: str) -> None:
    ann, version = world.drawing()
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling", "negative": negative})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (422, "guarded-words")
    assert answer.json()["error"]["remedy"] == "Use other words."
    ask(ann, version, negative="blurred, nude")
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 2


def test_every_preset_passes_the_gates_of_its_words() -> None:
    for preset in PRESETS:
        for words in (preset.title, preset.prompt, f"jade woman, {preset.prompt}"):
            refuse_words("prompt", words, what=preset.id)
        assert kind_of(preset.id, preset.prompt) == preset.kind


def test_a_refused_picture_costs_nothing_and_says_why(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 3, seed=0)

    def refuse_the_second(rgb: Any) -> None:
        if rgb[0, 0, 0] == 1:
            raise REFUSED

    world.finisher.refuses = refuse_the_second
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("done", 2)
    assert shown["refused"] == [{"reason": "explicit", "sentence": "The picture is refused."}]
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 2
    assert world.gallery.store.names(asked["id"]) == [
        f"{asked['id']}/{n}" for n in ("0.jpg", "0.png", "2.jpg", "2.png")
    ]


def test_a_picture_without_the_person_says_what_may_help(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 1)

    def nobody(_: Any) -> None:
        refuse("drawn likeness", Subject(explicit=0.0, max_explicit=0.7), what="The picture")

    world.finisher.refuses = nobody
    world.work(asked)
    (told,) = ann.get(f"/generations/{asked['id']}").json()["refused"]
    assert told["reason"] == "unknown-face"
    assert told["sentence"].startswith(
        "The picture shows no face that is the persona's. Ask for words that show the face"
    )
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0


def test_consent_is_asked_for_at_the_request_before_drawing_and_before_storing(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 2, seed=0)
    world.drawer.before = lambda shot: world.records.ended.add("jade-1") if shot.seed == 1 else None
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("cancelled", 1)
    assert "allows no more pictures" in shown["error"]
    assert len(world.drawer.shots) == 2  # the second was drawn when the consent ended, and not stored
    assert world.gallery.store.names(asked["id"]) == [f"{asked['id']}/0.jpg", f"{asked['id']}/0.png"]
    answer = ann.post("/generations", {"version_id": version, "prompt": "smiling"})
    assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "consent-revoked")
    asked_before = world.records.asked
    with world.gallery.transaction() as db:
        db.execute(text("INSERT INTO revocations VALUES ('jade-1', now(), 'test')"))
        with pytest.raises(consent.ConsentError):
            consent.require(db, world.records, db.scalars(select(Person)).one(), "free")
    assert world.records.asked == asked_before


@pytest.mark.parametrize("change", [{"kinds": ["portrait"]}, {"until": NOON}], ids=["narrowed", "ended"])
def test_a_right_that_is_narrowed_while_a_wish_waits_or_is_drawn_holds_for_it(
    world: World, change: dict[str, Any]
) -> None:
    ann, version = world.drawing()
    with world.gallery.transaction() as db:
        user = db.scalars(select(User)).one()

    def regrant(**changes: Any) -> None:
        grant(
            world.gallery, "operator", user.id, uuid.UUID(version), **{"per_day": 20, "until": None} | changes
        )

    asked = ask(ann, version, 2, seed=0)
    world.drawer.before = lambda shot: regrant(**change) if shot.seed == 1 else None
    world.work(asked)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], len(shown["pictures"])) == ("cancelled", 1)
    regrant()
    waiting = ask(ann, version, 1, seed=5)
    regrant(**change)
    drawn = len(world.drawer.shots)
    world.work(waiting)
    assert ann.get(f"/generations/{waiting['id']}").json()["status"] == "cancelled"
    assert len(world.drawer.shots) == drawn


def test_more_like_this_keeps_the_seed_and_varies_the_strength(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 1, seed=5)
    world.work(asked)
    picture = ann.get(f"/generations/{asked['id']}").json()["pictures"][0]
    again = ask(ann, version, 2, prompt="", like=picture["id"])
    assert (again["seed"], again["prompt"]) == (5, "jade woman, smiling")
    world.work(again)
    assert [(one.seed, one.strength) for one in world.drawer.shots[1:]] == [(5, 1.05), (5, 0.95)]


def test_a_picture_is_enlarged(world: World) -> None:
    ann, version = world.drawing()
    asked = ask(ann, version, 1)
    world.work(asked)
    picture = ann.get(f"/generations/{asked['id']}").json()["pictures"][0]
    larger = ann.post(f"/pictures/{picture['id']}/upscale").json()
    assert larger["kind"] == "upscale"
    world.work(larger)
    assert ann.get(f"/generations/{larger['id']}").json()["pictures"][0]["width"] == 16


def test_the_place_and_the_seconds_left_count_what_comes_before(world: World) -> None:
    ann, version = world.drawing()
    nobody = ask(ann, version, 2)
    assert (nobody["place"], nobody["seconds_left"]) == (1, None)
    ann.post(f"/generations/{nobody['id']}/cancel")
    with world.gallery.transaction() as db:
        db.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    first = ask(ann, version, 2)
    world.pass_time(seconds=1)
    second = ask(ann, version, 3)
    assert (first["place"], second["place"]) == (1, 2)
    assert (first["seconds_left"], second["seconds_left"]) == (10.0, 25.0)
    with world.gallery.transaction() as db:
        db.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"))
    assert ann.get(f"/generations/{second['id']}").json()["seconds_left"] is None
    ann.post(f"/generations/{first['id']}/cancel")
    assert ann.get(f"/generations/{second['id']}").json()["place"] == 1
