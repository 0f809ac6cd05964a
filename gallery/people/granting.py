"""Rights given and taken away; taken away, nothing more is drawn at once."""

import datetime
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import invalid, not_there
from gallery.generation.ending import end
from gallery.people.presets import KINDS
from gallery.tables import ENDED, Generation, Right, User, Version


def grant(
    gallery: Gallery,
    by: str,
    user_id: uuid.UUID,
    version_id: uuid.UUID,
    *,
    per_day: int,
    until: datetime.datetime | None = None,
    kinds: Sequence[str] = KINDS,
) -> Right:
    """Give a right, or change the one there is.

    Raises:
        RequestError: no such user or version; a kind that is none.
    """
    if not set(kinds) <= set(KINDS):
        raise invalid(f"Kinds are {', '.join(KINDS)}.")
    with gallery.transaction() as db:
        user, version = db.get(User, user_id), db.get(Version, version_id)
        if user is None or version is None:
            raise not_there()
        same = select(Right).where(Right.user_id == user_id, Right.version_id == version_id).with_for_update()
        new = insert(Right).values(
            user_id=user_id, version_id=version_id, per_day=0, kinds=[], created=gallery.clock()
        )
        db.execute(new.on_conflict_do_nothing())  # of two at once both find the one line
        right = db.scalars(same).one()
        right.per_day, right.until, right.kinds = per_day, until, [one for one in KINDS if one in kinds]
        db.flush()
        note(
            db,
            gallery.clock(),
            by,
            "granted",
            user=user.email,
            version=str(version_id),
            per_day=per_day,
            until=until and until.isoformat(),
            kinds=right.kinds,
        )
        return right


def take_away(gallery: Gallery, by: str, right_id: uuid.UUID) -> None:
    """Take a right away; what is under way under it is cancelled.

    Raises:
        RequestError: 404.
    """
    with gallery.transaction() as db:
        right = db.get(Right, right_id, with_for_update=True)
        if right is None:
            raise not_there()
        waiting = select(Generation).where(
            Generation.user_id == right.user_id,
            Generation.version_id == right.version_id,
            Generation.status.not_in(ENDED),
        )
        for one in db.scalars(waiting.with_for_update()):
            end(db, gallery, one, "cancelled", "The right to draw this person was taken away.")
        db.delete(right)
        note(db, gallery.clock(), by, "right-taken-away", right=str(right_id))
