"""Albums."""

import uuid
from typing import Any

from fastapi import APIRouter
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gallery.accounts.tries import ALBUM, count_try
from gallery.api import shapes
from gallery.api.bodies import Body, Name
from gallery.api.shapes import AlbumPlace, Deleted, Page
from gallery.api.visitors import GalleryDep, UserDep
from gallery.errors import not_there
from gallery.generation.request import own_picture
from gallery.tables import Album, AlbumPicture, User
from gallery.words import refuse_words

router = APIRouter()


class Titled(Body):
    title: Name


def _own(db: Session, user: User, album_id: uuid.UUID) -> Album:
    """An album of the user's; nobody changes or deletes it meanwhile."""
    album = db.get(Album, album_id, with_for_update=True)
    if album is None or album.user_id != user.id:
        raise not_there()
    return album


def _view(album: Album, pictures: int) -> dict[str, Any]:
    return {"id": album.id, "title": album.title, "created": album.created, "pictures": pictures}


@router.get("/albums", response_model=Page[shapes.Album])
def get_albums(gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The user's albums by title."""
    with gallery.transaction() as db:
        own = (
            select(Album, func.count(AlbumPicture.picture_id))
            .outerjoin(AlbumPicture)
            .where(Album.user_id == user.id)
            .group_by(Album.id)
            .order_by(Album.title, Album.id)
        )
        return {"items": [_view(row[0], row[1]) for row in db.execute(own)], "next": None}


@router.post("/albums", response_model=shapes.Album, status_code=201)
def post_album(body: Titled, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """A new album."""
    count_try(gallery, ALBUM, str(user.id))
    refuse_words("caption", body.title, what="The title")
    with gallery.transaction() as db:
        db.add(album := Album(user_id=user.id, title=body.title, created=gallery.clock()))
    return _view(album, 0)


@router.patch("/albums/{album_id}", response_model=shapes.Album)
def patch_album(album_id: uuid.UUID, body: Titled, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """Another title."""
    refuse_words("caption", body.title, what="The title")
    with gallery.transaction() as db:
        album = _own(db, user, album_id)
        album.title = body.title
        count = db.scalar(select(func.count()).where(AlbumPicture.album_id == album.id))
    return _view(album, count or 0)


@router.delete("/albums/{album_id}", response_model=Deleted)
def delete_album(album_id: uuid.UUID, gallery: GalleryDep, user: UserDep) -> dict[str, Any]:
    """The album goes, its pictures stay."""
    with gallery.transaction() as db:
        db.delete(_own(db, user, album_id))
    return {"deleted": album_id}


@router.put("/albums/{album_id}/pictures/{picture_id}", response_model=AlbumPlace)
def put_picture(
    album_id: uuid.UUID, picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep
) -> dict[str, Any]:
    """Put a picture into an album."""
    with gallery.transaction() as db:
        album, picture = _own(db, user, album_id), own_picture(db, user, picture_id, lock=True)
        line = insert(AlbumPicture).values(album_id=album.id, picture_id=picture.id)
        db.execute(line.on_conflict_do_nothing())
    return {"album": album_id, "picture": picture_id}


@router.delete("/albums/{album_id}/pictures/{picture_id}", response_model=AlbumPlace)
def remove_picture(
    album_id: uuid.UUID, picture_id: uuid.UUID, gallery: GalleryDep, user: UserDep
) -> dict[str, Any]:
    """Take a picture out of an album."""
    with gallery.transaction() as db:
        album, picture = _own(db, user, album_id), own_picture(db, user, picture_id)
        db.execute(
            delete(AlbumPicture).where(
                AlbumPicture.album_id == album.id, AlbumPicture.picture_id == picture.id
            )
        )
    return {"album": album_id, "picture": picture_id}
