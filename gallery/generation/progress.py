"""A generation as the page shows it: its place, the seconds left, what is there and what was refused."""

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from gallery.generation.cut_off import DEAD_AFTER_SECONDS
from gallery.pictures.views import picture_views
from gallery.tables import Generation, Person, Picture, Refused, Version

MEASURED = 50
"""Of how many last pictures the mean time is taken."""
FIRST_GUESS_SECONDS = 5.0
WAITING = ("queued", "drawing")
WORKS = text(
    "SELECT EXISTS (SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - :seconds * interval '1 second')"
)


def seconds_a_picture(db: Session) -> float:
    """The mean of the last pictures; a guess where there is none yet."""
    last = select(Picture.seconds).order_by(Picture.created.desc()).limit(MEASURED).subquery()
    return float(db.scalar(select(func.avg(last.c.seconds))) or FIRST_GUESS_SECONDS)


def _ahead(db: Session, one: Generation) -> tuple[int, int]:
    """Generations and pictures that come before it."""
    before = or_(
        Generation.status == "drawing",
        (Generation.status == "queued")
        & (tuple_(Generation.created, Generation.id) < tuple_(one.created, one.id)),  # pyright: ignore[reportArgumentType]
    )
    row = db.execute(
        select(func.count(), func.coalesce(func.sum(Generation.count), 0)).where(
            before, Generation.id != one.id
        )
    ).one()
    return int(row[0]), int(row[1])


def views(db: Session, generations: Sequence[Generation]) -> list[dict[str, Any]]:
    """Generations in the contract's form. Where no worker lives nobody knows how long one that waits will take."""
    ids = [one.id for one in generations]
    people = {
        row[0]: row[1]
        for row in db.execute(
            select(Version.id, Person.name)
            .join(Person)
            .where(Version.id.in_({one.version_id for one in generations}))
        )
    }
    drawn = db.scalars(
        select(Picture).where(Picture.generation_id.in_(ids)).order_by(Picture.generation_id, Picture.index)
    ).all()
    refused = db.scalars(select(Refused).where(Refused.generation_id.in_(ids)).order_by(Refused.index)).all()
    shown = dict(zip((one.id for one in drawn), picture_views(db, drawn), strict=True))
    pace: float | None = None
    if any(one.status in WAITING for one in generations) and db.scalar(
        WORKS, {"seconds": DEAD_AFTER_SECONDS}
    ):
        pace = seconds_a_picture(db)
    found: list[dict[str, Any]] = []
    for one in generations:
        own = [picture for picture in drawn if picture.generation_id == one.id]
        no = [
            {"reason": each.reason, "sentence": each.sentence}
            for each in refused
            if each.generation_id == one.id
        ]
        done = len(own) + len(no)
        place, ahead = _ahead(db, one) if one.status == "queued" else (0, 0)
        left = None if pace is None or one.status not in WAITING else (ahead + one.count - done) * pace
        found.append(
            {
                "id": one.id,
                "person": people[one.version_id],
                "version_id": one.version_id,
                "prompt": one.prompt,
                "negative": one.negative,
                "seed": one.seed,
                "strength": one.strength,
                "aspect": one.aspect,
                "count": one.count,
                "kind": one.kind,
                "status": one.status,
                "place": place + 1 if one.status == "queued" else None,
                "seconds_left": None if left is None else round(left, 1),
                "done": done,
                "created": one.created.astimezone(datetime.UTC),
                "error": one.error,
                "refused": no,
                "pictures": [shown[picture.id] for picture in own if picture.gone is None],
            }
        )
    return found
