"""Wishes: asked, shown, cancelled."""

import uuid
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from gallery.api import shapes
from gallery.api.bodies import Body
from gallery.api.shapes import Page
from gallery.api.visitors import GalleryDep, UserDep
from gallery.errors import not_there
from gallery.generation.ending import cancel
from gallery.generation.progress import views
from gallery.generation.request import SEEDS, Aspect, Wish, ask, ask_larger
from gallery.tables import Generation

router = APIRouter()
SHOWN = 50


class Asked(Body):
    version_id: uuid.UUID
    prompt: str = Field(max_length=500)
    negative: str = Field(default="", max_length=500)
    preset: str | None = Field(default=None, max_length=40)
    count: int = Field(default=4, ge=1, le=6)
    seed: int | None = Field(default=None, ge=0, lt=SEEDS)
    strength: float = Field(default=1.0, ge=0, le=2, allow_inf_nan=False)
    aspect: Aspect = "square"
    like: uuid.UUID | None = None
    attempt: uuid.UUID | None = None


class Larger(Body):
    attempt: uuid.UUID | None = None


@router.post("/generations", response_model=shapes.Generation, status_code=202)
def post_generation(body: Asked, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Queue a wish; the same `attempt` again is the same wish."""
    made = ask(gallery, user, Wish(**body.model_dump()))
    with gallery.transaction() as db:
        return views(db, [made])[0]


@router.post("/pictures/{picture_id}/upscale", response_model=shapes.Generation, status_code=202)
def post_upscale(
    picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep, body: Larger | None = None
) -> dict[str, Any]:
    """Queue the enlargement of a picture; the same `attempt` again is the same wish."""
    made = ask_larger(gallery, user, picture_id, body and body.attempt)
    with gallery.transaction() as db:
        return views(db, [made])[0]


@router.get("/generations", response_model=Page[shapes.Generation])
def get_generations(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The last wishes of the user, newest first."""
    with gallery.transaction() as db:
        own = select(Generation).where(Generation.user_id == user.id)
        newest = own.order_by(Generation.created.desc(), Generation.id.desc()).limit(SHOWN)
        return {"items": views(db, db.scalars(newest).all()), "next": None}


@router.get("/generations/{generation_id}", response_model=shapes.Generation)
def get_generation(generation_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """One wish of the user's."""
    with gallery.transaction() as db:
        one = db.get(Generation, generation_id)
        if one is None or one.user_id != user.id:
            raise not_there()
        return views(db, [one])[0]


@router.post("/generations/{generation_id}/cancel", response_model=shapes.Generation)
def post_cancel(generation_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """End it: what is drawn stays."""
    ended = cancel(gallery, user, generation_id)
    with gallery.transaction() as db:
        return views(db, [ended])[0]
