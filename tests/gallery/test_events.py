"""The stream: what changes reaches the page, after a reload, too."""

import json
import uuid
from typing import Any

from gallery_world import World

from gallery.generation.events import Pulse, last_event


def events(answer: Any) -> list[tuple[int, dict[str, Any]]]:
    """(number, data) of each event in a stream that ended."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [one.splitlines() for one in answer.text.split("\n\n") if one.startswith("id: ")]
    return [(int(one[0][4:]), json.loads(one[2].removeprefix("data: "))) for one in blocks]


def test_a_stream_goes_on_where_it_was_cut_off(world: World) -> None:
    world.set(events_seconds=0.01)
    ann, version = world.drawing()
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    (number, first), *_ = events(ann.get("/events"))
    assert (first["id"], first["status"]) == (asked["id"], "queued")
    assert events(ann.get("/events", last_event_id=str(number))) == []
    world.work(asked)
    ((later, shown),) = events(ann.get("/events", last_event_id=str(number)))
    assert later > number
    assert (shown["status"], len(shown["pictures"])) == ("done", 2)
    assert events(ann.get("/events")) == []


def test_a_stream_shows_nobody_elses_and_ends_with_the_session(world: World) -> None:
    world.set(events_seconds=0.01)
    ann, version = world.drawing()
    ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2})
    assert events(world.user("bob").get("/events", last_event_id="0")) == []
    ann.post("/sign-out")
    assert ann.get("/events").status_code == 401


def test_one_look_serves_all_streams_and_shows_each_user_their_own(world: World) -> None:
    ann, version = world.drawing()
    bob = world.user("bob")
    ids = [uuid.UUID(one.load()["user"]["id"]) for one in (ann, bob)]
    pulse = Pulse(world.gallery)
    assert pulse.is_stale
    ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2})
    pulse.look()
    assert not pulse.is_stale
    with world.gallery.transaction() as db:
        assert pulse.newest(ids[0]) == last_event(db, ids[0]) > 0
    assert pulse.newest(ids[1]) == 0
    world.pass_time(minutes=2)
    pulse.look()
    assert pulse.newest(ids[0]) == 0  # of late there is none; a stream looks for itself, too
