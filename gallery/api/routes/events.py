"""The stream of what changes: server-sent events that go on where they were cut off."""

import re
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from gallery.accounts.sessions import Visitor, visitor_of
from gallery.api import shapes
from gallery.api.shapes import content
from gallery.api.visitors import GalleryDep, UserDep, VisitorDep
from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.generation.events import POLL_SECONDS, Pulse, events_after, last_event
from gallery.generation.progress import views
from gallery.tables import Generation

router = APIRouter()
WHOLE_LOOK_POLLS = 4
"""A stream looks for itself at least so often: whether its session still holds, and what the pulse may have passed over."""
MOST_STREAMS = 20
"""Of one user in one program: each asks the database now and then."""
NUMBER = re.compile(r"[0-9]{1,18}")
QUIET_POLLS = 30
"""After so many polls without news a comment is sent, so that no proxy takes the line for dead."""


@router.get("/events", response_class=Response, responses=content({"text/event-stream": {}}))
def get_events(
    request: Request,
    gallery: GalleryDep,
    user: UserDep,
    who: VisitorDep,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Each generation of the user's as it changes; it ends after a while, and the browser comes again by itself."""
    number = int(last_event_id) if last_event_id and NUMBER.fullmatch(last_event_id) else None
    headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
    lines = _stream(gallery, request.app.state.pulse, user.id, who, number)
    return CountedStream(user.id, lines, media_type="text/event-stream", headers=headers)


class CountedStream(StreamingResponse):
    """One of a user's streams: looked for and counted in one step, so that many that begin at once are as many as one after the other.

    Raises:
        RequestError: 429: there are enough.
    """

    def __init__(self, user_id: uuid.UUID, lines: AsyncGenerator[str], **more: Any) -> None:
        super().__init__(lines, **more)
        self._user_id, self._lines = user_id, lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams: Counter[uuid.UUID] = scope["app"].state.streams
        if streams[self._user_id] >= MOST_STREAMS:
            raise RequestError(
                429, "streams", "This gallery is open in too many windows.", remedy="Close some."
            )
        streams[self._user_id] += 1
        try:
            async with aclosing(self._lines):
                await super().__call__(scope, receive, send)
        finally:
            streams[self._user_id] -= 1
            if not streams[self._user_id]:
                del streams[self._user_id]


async def _stream(
    gallery: Gallery, pulse: Pulse, user_id: uuid.UUID, who: Visitor, number: int | None
) -> AsyncGenerator[str]:
    yield "retry: 1000\n\n"
    polls, quiet = int(gallery.settings.events_seconds / POLL_SECONDS) + 1, 0
    for poll in range(polls):
        lines: list[str] = []
        try:
            if pulse.is_stale:
                await run_in_threadpool(pulse.look)
            if number is None or pulse.newest(user_id) > number or poll % WHOLE_LOOK_POLLS == 0:
                told = await run_in_threadpool(news, gallery, who, number)
                if told is None:
                    return
                number, lines = told
        except OperationalError:  # the database is gone for a moment; the browser comes again
            return
        quiet = 0 if lines else quiet + 1
        for line in lines:
            yield line
        if quiet == QUIET_POLLS:
            quiet = 0
            yield ": still here\n\n"
        await anyio.sleep(min(POLL_SECONDS, gallery.settings.events_seconds))


def news(gallery: Gallery, who: Visitor, number: int | None) -> tuple[int, list[str]] | None:
    """(last number, events) since a number; None says all that is under way. None once the session has ended."""
    user = visitor_of(gallery, who.cookie, who.place).user
    if user is None:
        return None
    with gallery.transaction() as db:
        if number is not None and number > last_event(db, user.id):  # of before a backup was brought back
            number = None
        if number is None:
            last = last_event(db, user.id)
            waiting = select(Generation).where(
                Generation.user_id == user.id, Generation.status.in_(("queued", "drawing"))
            )
            numbered = [(last, one) for one in db.scalars(waiting.order_by(Generation.created))]
        else:
            changed = events_after(db, user.id, number)
            last = changed[-1][0] if changed else number
            numbered = [(at, db.get_one(Generation, which)) for at, which in changed]
        shown = views(db, [one for _, one in numbered])
    return last, [_event(at, view) for (at, _), view in zip(numbered, shown, strict=True)]


def _event(number: int, view: dict[str, Any]) -> str:
    data = shapes.Generation.model_validate(view).model_dump_json()
    return f"id: {number}\nevent: generation\ndata: {data}\n\n"
