"""Whom the user may draw, and the presets."""

import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select

from gallery.api import shapes
from gallery.api.shapes import Preset
from gallery.api.visitors import GalleryDep, UserDep
from gallery.people.presets import PRESETS
from gallery.people.rights import as_allowed
from gallery.tables import Person, Picture, Right, Version

router = APIRouter()


@router.get("/people", response_model=list[shapes.Person])
def get_people(gallery: GalleryDep, user: UserDep) -> list[dict[str, Any]]:
    """Each person with the versions that the user has a right to, and what is left today."""
    now, found = gallery.clock(), dict[Any, dict[str, Any]]()
    with gallery.transaction() as db:
        rows = db.execute(
            select(Right, Version, Person)
            .select_from(Right)
            .join(Version, Version.id == Right.version_id)
            .join(Person, Person.id == Version.person_id)
            .where(Right.user_id == user.id, Person.ended.is_(None))
            .order_by(Person.name, Version.created.desc())
        ).all()
        for right, version, person in rows:
            may = as_allowed(db, right, version, person, now)
            cover = db.scalar(
                select(Picture.id)
                .where(Picture.user_id == user.id, Picture.person_id == person.id, Picture.gone.is_(None))
                .order_by(Picture.created.desc())
                .limit(1)
            )
            one = found.setdefault(
                person.id,
                {
                    "id": person.id,
                    "name": person.name,
                    "versions": [],
                    "cover_url": f"/api/pictures/{cover}/file?size=thumb" if cover else None,
                },
            )
            has = {
                "per_day": may.per_day,
                "used_today": may.used_today,
                "until": right.until,
                "kinds": may.kinds,
            }
            one.setdefault("right", has)
            one["versions"].append(
                {
                    "id": version.id,
                    "name": version.name,
                    "trigger": version.trigger,
                    "class_word": version.class_word,
                    "created": version.created.astimezone(datetime.UTC),
                    "right": has,
                }
            )
    return list(found.values())


@router.get("/presets", response_model=list[Preset])
def get_presets(user: UserDep) -> list[dict[str, Any]]:
    """Prompts that are ready."""
    return [vars(one) for one in PRESETS]
