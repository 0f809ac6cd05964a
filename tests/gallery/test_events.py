"""The stream: what changes reaches the page, after a reload, too."""

import json
from typing import Any

from gallery_world import World


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
