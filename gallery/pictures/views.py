"""A picture as the page shows it."""

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.tables import Person, Picture


def picture_views(db: Session, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """Pictures in the contract's form, in their order."""
    people = {one.id: one.name for one in db.scalars(
        select(Person).where(Person.id.in_({one.person_id for one in pictures})))}  # fmt: skip
    return [
        {
            "id": one.id, "generation_id": one.generation_id, "person": people[one.person_id], "prompt": one.prompt,
            "seed": one.seed, "width": one.width, "height": one.height,
            "created": one.created.astimezone(datetime.UTC), "favourite": one.favourite, "likeness": one.likeness,
            "thumb_url": f"/api/pictures/{one.id}/file?size=thumb", "url": f"/api/pictures/{one.id}/file?size=full",
        }
        for one in pictures
    ]  # fmt: skip
