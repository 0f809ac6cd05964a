"""The stream: what changes reaches the page, after a reload, too."""

import json
import uuid
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.lowlevel
from gallery_world import World
from starlette.responses import Response
from starlette.types import Message

from gallery.api.routes.events import MOST_STREAMS, get_events
from gallery.errors import RequestError
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


def test_a_number_from_before_a_backup_was_brought_back_begins_anew(world: World) -> None:
    world.set(events_seconds=0.01)
    ann, version = world.drawing()
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    ((number, shown),) = events(ann.get("/events", last_event_id="999999"))
    assert (shown["id"], number < 999999) == (asked["id"], True)


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


def test_streams_that_begin_at_the_same_moment_are_no_more_than_so_many(world: World) -> None:
    """All of them are let in before the first one begins."""
    user, request = cast(Any, SimpleNamespace(id=uuid.uuid4())), cast(Any, SimpleNamespace(app=world.app))
    answers = [get_events(request, world.gallery, user, cast(Any, None)) for _ in range(MOST_STREAMS + 5)]
    codes, scope = Counter[int](), {"type": "http", "app": world.app, "asgi": {"spec_version": "2.4"}}

    async def send(message: Message) -> None:
        codes[message["status"]] += 1
        await anyio.sleep_forever()

    async def begin(answer: Response) -> None:
        try:
            await answer(scope, anyio.sleep_forever, send)
        except RequestError as error:
            codes[error.status] += 1

    async def all_at_once() -> None:
        async with anyio.create_task_group() as tasks:
            for answer in answers:
                tasks.start_soon(begin, answer)
            while codes.total() < len(answers):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    anyio.run(all_at_once)
    assert codes == {200: MOST_STREAMS, 429: 5}
    assert world.app.state.streams == Counter()
