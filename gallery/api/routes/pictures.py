"""The user's pictures: lists, files, favourites, archives, deletion."""

import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from sqlalchemy import select
from starlette.types import Receive, Scope, Send

from gallery.accounts.tries import ARCHIVE, count_try
from gallery.api import shapes
from gallery.api.bodies import Body, Moment, Text
from gallery.api.shapes import FILES, DeletionReceipt, Page, content
from gallery.api.visitors import GalleryDep, UserDep
from gallery.context import Gallery
from gallery.errors import RequestError, invalid, not_there
from gallery.generation.request import own_picture
from gallery.pictures.leaving import delete_picture
from gallery.pictures.pages import Filter, chosen, page, read_cursor
from gallery.pictures.views import picture_views
from gallery.tables import Person, Picture
from likeness.store.s3 import Remote

router = APIRouter()
MOST_IN_ARCHIVE = 200
CHUNK = 1 << 16
CACHED_SECONDS = 60
"""So long a browser shows a picture of its own again without asking: what was withdrawn is gone everywhere within a minute."""
Size = Literal["thumb", "full"]


class Ids(Body):
    ids: list[uuid.UUID] = Field(min_length=1, max_length=MOST_IN_ARCHIVE)


class StoredFile(Response):
    """A file of the store, read when it is sent, and no more than some at once: a store that is silent keeps no other page waiting.

    Raises:
        RequestError: 404: it is not there.
    """

    def __init__(self, store: Remote, name: str, kind: str, headers: dict[str, str]) -> None:
        super().__init__()
        self._read, self._kind, self._headers = partial(store.read, name), kind, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        data = await to_thread.run_sync(self._read, limiter=scope["app"].state.files)
        if data is None:
            raise not_there()
        await Response(data, media_type=self._kind, headers=self._headers)(scope, receive, send)


def file_answer(
    gallery: Gallery,
    picture: Picture,
    person: str,
    size: Size,
    *,
    cache: str = f"private, max-age={CACHED_SECONDS}",
) -> Response:
    """The bytes of a picture; its name is made here, of letters that no header minds."""
    name = picture.file if size == "full" else picture.thumbnail
    kind = "image/png" if size == "full" else "image/jpeg"
    headers = {
        "cache-control": cache,
        "vary": "cookie",  # who signs in next in this browser sees nothing of it
        "content-disposition": f'inline; filename="{person}-{picture.id}.{kind[6:]}"',
    }
    return StoredFile(gallery.store, name, kind, headers)


@router.get("/pictures", response_model=Page[shapes.Picture])
def get_pictures(
    gallery: GalleryDep,
    user: UserDep,
    cursor: Annotated[Text | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
    search: Annotated[Text, Query(max_length=200)] = "",
    person: Annotated[Text | None, Query(max_length=32)] = None,
    favourite: bool = False,
    album: uuid.UUID | None = None,
    begin: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
) -> dict[str, Any]:
    """Pictures that are here, newest first."""
    which = Filter(search=search, person=person, favourite=favourite, album=album, begin=begin, end=end)
    with gallery.transaction() as db:
        statement, conditions = chosen(user, which)
        found, following = page(db, conditions, read_cursor(cursor) if cursor else None, limit, of=statement)
        return {"items": picture_views(db, found), "next": following}


@router.get("/pictures/{picture_id}", response_model=shapes.Picture)
def get_picture(picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """One picture."""
    with gallery.transaction() as db:
        return picture_views(db, [own_picture(db, user, picture_id)])[0]


@router.get("/pictures/{picture_id}/file", response_class=Response, responses=content(FILES))
def get_file(picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep, size: Size = "full") -> Response:
    """Its bytes: the marked PNG, or a small JPEG."""
    with gallery.transaction() as db:
        picture = own_picture(db, user, picture_id)
        person = db.get_one(Person, picture.person_id).name
    return file_answer(gallery, picture, person, size)


@router.delete("/pictures/{picture_id}", response_model=DeletionReceipt)
def delete_one(picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Delete it; the answer is the receipt."""
    return delete_picture(gallery, user, picture_id)


@router.put("/pictures/{picture_id}/favourite", response_model=shapes.Picture)
def put_favourite(picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Make it a favourite."""
    return _favourite(gallery, user, picture_id, True)


@router.delete("/pictures/{picture_id}/favourite", response_model=shapes.Picture)
def delete_favourite(picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Make it none."""
    return _favourite(gallery, user, picture_id, False)


def _favourite(gallery: Gallery, user: UserDep, picture_id: uuid.UUID, favourite: bool) -> dict[str, Any]:
    with gallery.transaction() as db:
        picture = own_picture(db, user, picture_id)
        picture.favourite = favourite
        return picture_views(db, [picture])[0]


@router.post("/pictures/zip", response_class=Response, responses=content({"application/zip": {}}))
def post_zip(body: Ids, gallery: GalleryDep, user: UserDep) -> StreamingResponse:
    """The marked files of some pictures, in one archive."""
    count_try(gallery, ARCHIVE, str(user.id))
    with gallery.transaction() as db:
        own = (
            select(Picture, Person.name)
            .join(Person)
            .where(Picture.id.in_(body.ids), Picture.user_id == user.id, Picture.gone.is_(None))
        )
        found = [(row[0], row[1]) for row in db.execute(own.order_by(Picture.created))]
    if len(found) != len(set(body.ids)):
        raise _some_gone()
    with ExitStack() as opened:  # until it is whole; then the answer closes it
        made = opened.enter_context(tempfile.SpooledTemporaryFile(max_size=8 << 20))
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for picture, person in found:
                if (data := gallery.store.read(picture.file)) is None:
                    raise _some_gone()
                archive.writestr(
                    zipfile.ZipInfo(f"{person}-{picture.id}.png", _moment(picture.created)), data
                )
        opened.pop_all()
    made.seek(0)
    return StreamingResponse(
        _chunks(made),
        media_type="application/zip",
        headers={"content-disposition": 'attachment; filename="pictures.zip"'},
    )


def _some_gone() -> RequestError:
    return invalid("Some of these pictures are not there.", "Load the page again.")


def _moment(at: datetime) -> tuple[int, int, int, int, int, int]:
    return at.year, at.month, at.day, at.hour, at.minute, at.second


def _chunks(file: "tempfile.SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with file:
        while data := file.read(CHUNK):
            yield data
