"""A picture as the page shows it."""

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.tables import AlbumPicture, Person, Picture


def picture_views(db: Session, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """Pictures in the contract's form, in their order."""
    people = {
        one.id: one.name
        for one in db.scalars(select(Person).where(Person.id.in_({one.person_id for one in pictures})))
    }
    albums: dict[uuid.UUID, list[uuid.UUID]] = {}
    inside = select(AlbumPicture).where(AlbumPicture.picture_id.in_([one.id for one in pictures]))
    for line in db.scalars(inside.order_by(AlbumPicture.album_id)):
        albums.setdefault(line.picture_id, []).append(line.album_id)
    return [
        {
            "id": one.id,
            "generation_id": one.generation_id,
            "person": people[one.person_id],
            "prompt": one.prompt,
            "seed": one.seed,
            "width": one.width,
            "height": one.height,
            "created": one.created.astimezone(datetime.UTC),
            "favourite": one.favourite,
            "likeness": one.likeness,
            "albums": albums.get(one.id, []),
            "thumb_url": f"/api/pictures/{one.id}/file?size=thumb",
            "url": f"/api/pictures/{one.id}/file?size=full",
        }
        for one in pictures
    ]
