"""The web application: every route below /api."""

from collections import Counter
from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter, FastAPI

from gallery.api.answers import add_answers
from gallery.api.limits import Limits
from gallery.api.routes import (
    admin,
    albums,
    desk,
    events,
    generations,
    money,
    passkeys,
    people,
    pictures,
    portrayed,
    session,
    shares,
)
from gallery.api.shapes import Failure
from gallery.context import Gallery
from gallery.generation.events import Pulse

PARTS = (
    session,
    passkeys,
    people,
    generations,
    events,
    pictures,
    albums,
    shares,
    portrayed,
    admin,
    desk,
    money,
)
ROUTERS = tuple(part.router for part in PARTS)
FILES_AT_ONCE = 24
"""Threads that read pictures; all else has threads of its own."""


def make_app(gallery: Gallery) -> FastAPI:
    """The application of one gallery."""
    app = FastAPI(
        title="likeness gallery",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    attach(app, gallery)
    add_answers(app)
    app.add_middleware(Limits, most=gallery.settings.max_body_bytes)
    said: dict[str, Any] = {"model": Failure, "description": "Why not"}
    api = APIRouter(prefix="/api", responses={422: said, "default": said})
    for router in ROUTERS:
        api.include_router(router)
    app.include_router(api)
    return app


def attach(app: FastAPI, gallery: Gallery) -> None:
    """Have the application answer for this gallery."""
    app.state.gallery = gallery
    app.state.pulse = Pulse(gallery)
    app.state.streams = Counter()
    app.state.files = CapacityLimiter(FILES_AT_ONCE)
