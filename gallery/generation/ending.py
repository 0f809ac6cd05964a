"""How a generation ends; what was not drawn is given back."""

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.generation.events import tell
from gallery.money.ledger import GALLERY, book, is_booked, user_account
from gallery.tables import ENDED, Generation, Picture, User


def give_back(
    db: Session, gallery: Gallery, generation: Generation, count: int, *, free: bool = False
) -> None:
    """Give back the quota and the credits of so many pictures; never more than was taken, and each only once. `free`: their
    credits went back before."""
    count = min(count, generation.charged)
    if count <= 0:
        return
    generation.charged -= count
    if generation.price_cents and not free:
        left = generation.charged
        book(
            db,
            f"back:{generation.id}:{left}",
            GALLERY,
            user_account(generation.user_id),
            generation.price_cents * count,
            gallery.clock(),
        )


def make_free(db: Session, gallery: Gallery, generation: Generation, number: int) -> None:
    """Give back the credits of a picture that is kept and is less like the person than promised; it counts for the quota."""
    if generation.price_cents:
        book(
            db,
            _free(generation.id, number),
            GALLERY,
            user_account(generation.user_id),
            generation.price_cents,
            gallery.clock(),
        )


def is_free(db: Session, picture: Picture) -> bool:
    """Whether the credits of a picture went back."""
    return is_booked(db, _free(picture.generation_id, picture.index))


def _free(generation_id: uuid.UUID, number: int) -> str:
    return f"unlike:{generation_id}:{number}"


def end(db: Session, gallery: Gallery, generation: Generation, status: str, error: str | None = None) -> None:
    """End a generation, once; what was charged for pictures that are not there is given back."""
    if generation.status in ENDED:
        return
    drawn = db.scalar(select(func.count()).where(Picture.generation_id == generation.id)) or 0
    give_back(db, gallery, generation, generation.charged - drawn)
    generation.status, generation.error, generation.ended = status, error, gallery.clock()
    tell(db, gallery, generation)


def cancel(gallery: Gallery, user: User, generation_id: uuid.UUID) -> Generation:
    """End a generation of the user's: what is drawn stays, the picture in hand is not stored.

    Raises:
        RequestError: 404; 409 where it has ended already.
    """
    with gallery.transaction() as db:
        generation = db.scalar(select(Generation).where(Generation.id == generation_id).with_for_update())
        if generation is None or generation.user_id != user.id:
            raise not_there()
        if generation.status in ENDED:
            raise RequestError(409, "ended", "This has ended already.")
        end(db, gallery, generation, "cancelled")
        return generation


def fail(gallery: Gallery, generation_id: uuid.UUID, why: str) -> None:
    """End a generation that was tried often enough."""
    with gallery.transaction() as db:
        generation = db.scalar(select(Generation).where(Generation.id == generation_id).with_for_update())
        if generation is not None:
            end(db, gallery, generation, "failed", why)
