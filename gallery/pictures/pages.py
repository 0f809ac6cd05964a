"""Lists by cursor: each page begins where the last one ended, so that page 1,000 costs what page 1 costs."""

import base64
import binascii
import datetime
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from gallery.errors import invalid
from gallery.tables import AlbumPicture, Person, Picture, User

WORDS = re.compile(r"\w+")
MOST_WORDS = 12
Cursor = tuple[datetime.datetime, uuid.UUID]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which of the user's pictures."""

    search: str = ""
    person: str | None = None
    favourite: bool = False
    album: uuid.UUID | None = None
    begin: datetime.datetime | None = None
    end: datetime.datetime | None = None


def write_cursor(picture: Picture) -> str:
    """Where the next page begins."""
    text = f"{picture.created.astimezone(datetime.UTC).isoformat()}|{picture.id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(text: str) -> Cursor:
    """The inverse of `write_cursor`.

    Raises:
        RequestError: 422.
    """
    try:
        at, _, which = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        found = datetime.datetime.fromisoformat(at), uuid.UUID(which)
    except (ValueError, binascii.Error) as error:
        raise invalid("This page cannot be found.", "Begin at the first one.") from error
    if found[0].tzinfo != datetime.UTC:  # as `write_cursor` has it; the database reads not every offset
        raise invalid("This page cannot be found.", "Begin at the first one.")
    return found


def page(
    db: Session,
    which: Sequence[ColumnElement[bool]],
    cursor: Cursor | None,
    limit: int,
    *,
    of: Select[Picture] | None = None,
) -> tuple[list[Picture], str | None]:
    """Pictures that are here, newest first, and the cursor of the next page."""
    statement = (of if of is not None else select(Picture)).where(Picture.gone.is_(None), *which)
    if cursor is not None:
        statement = statement.where(tuple_(Picture.created, Picture.id) < tuple_(*cursor))
    found = list(db.scalars(statement.order_by(Picture.created.desc(), Picture.id.desc()).limit(limit + 1)))
    return found[:limit], write_cursor(found[limit - 1]) if len(found) > limit else None


def chosen(user: User, which: Filter) -> tuple[Select[Picture], list[ColumnElement[bool]]]:
    """What a filter asks of the database; an album or person of somebody else's finds nothing."""
    statement = select(Picture)
    conditions: list[ColumnElement[bool]] = [Picture.user_id == user.id]
    if words := WORDS.findall(which.search)[:MOST_WORDS]:
        query = func.to_tsquery(literal_column("'simple'"), " & ".join(f"{word}:*" for word in words))
        conditions.append(func.to_tsvector(literal_column("'simple'"), Picture.prompt).op("@@")(query))
    if which.person is not None:
        conditions.append(Picture.person_id.in_(select(Person.id).where(Person.name == which.person)))
    if which.favourite:
        conditions.append(and_(Picture.favourite))
    if which.album is not None:
        statement = statement.join(AlbumPicture, AlbumPicture.picture_id == Picture.id)
        conditions.append(AlbumPicture.album_id == which.album)
    if which.begin is not None:
        conditions.append(Picture.created >= which.begin)
    if which.end is not None:
        conditions.append(Picture.created < which.end)
    return statement, conditions
