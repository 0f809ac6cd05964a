"""What routes answer to users: their accounts, persons, wishes, pictures, links. What only owners see is in owner_shapes.py, what
visitors without an account see in public_shapes.py.

An answer has these fields and no others; the types of the pages are made of them (`python -m tools.gallery_types`).
"""

import uuid
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gallery.generation.request import Aspect
from gallery.tables import Role

T = TypeVar("T")
Kind = Literal["portrait", "everyday", "costume", "free"]
Status = Literal["queued", "drawing", "done", "failed", "cancelled"]
FILES: dict[str, Any] = {"image/png": {}, "image/jpeg": {}}


def content(kinds: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The answer of a route that gives a file."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": dict.fromkeys(kinds, binary), "description": "The file"}}


class Shape(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[T]):
    """A part of a list; `next` is the cursor of what follows."""

    items: list[T]
    next: str | None


class Refusal(Shape):
    reason: str
    sentence: str


class Problem(Refusal):
    remedy: str


class Failure(Shape):
    """Every refusal, of whatever request."""

    error: Problem


class User(Shape):
    id: uuid.UUID
    email: str
    name: str
    role: Role


class SiteSettings(Shape):
    open_sign_up: bool
    money: bool
    passkeys: bool


class Session(Shape):
    user: User | None
    csrf: str
    settings: SiteSettings


class Passkey(Shape):
    """`used`: when it last signed the user in."""

    id: uuid.UUID
    name: str
    created: AwareDatetime
    used: AwareDatetime | None


class PasskeyOptions(Shape):
    """What navigator.credentials takes, as JSON."""

    options: dict[str, Any]


class Sent(Shape):
    sent: bool


class SignedInPlace(Shape):
    """Where the account is signed in; `this`: it is the one that asks."""

    id: uuid.UUID
    agent: str
    created: AwareDatetime
    seen: AwareDatetime
    this: bool


class Ended(Shape):
    ended: uuid.UUID


class Deleted(Shape):
    deleted: uuid.UUID


class Address(Shape):
    url: str


class OwnRight(Shape):
    """`until` is null where it has no end."""

    per_day: int
    used_today: int
    until: AwareDatetime | None
    kinds: list[Kind]


class Version(Shape):
    id: uuid.UUID
    name: str
    trigger: str
    class_word: str
    created: AwareDatetime
    right: OwnRight


class Person(Shape):
    id: uuid.UUID
    name: str
    cover_url: str | None
    right: OwnRight
    versions: list[Version]


class Preset(Shape):
    id: str
    title: str
    prompt: str
    kind: Kind


class Picture(Shape):
    id: uuid.UUID
    generation_id: uuid.UUID
    person: str
    prompt: str
    seed: int
    width: int
    height: int
    created: AwareDatetime
    favourite: bool
    albums: list[uuid.UUID]
    likeness: float | None
    thumb_url: str
    url: str


class Generation(Shape):
    """A wish, its place and the time left, what was drawn and what was refused."""

    id: uuid.UUID
    person: str
    version_id: uuid.UUID
    prompt: str
    negative: str
    seed: int
    strength: float
    aspect: Aspect
    count: int
    kind: Literal["draw", "upscale"]
    status: Status
    place: int | None
    seconds_left: float | None
    done: int
    created: AwareDatetime
    pictures: list[Picture]
    refused: list[Refusal]
    error: str | None


class DeletionReceipt(Shape):
    receipt: uuid.UUID
    at: AwareDatetime
    erased: bool
    picture: uuid.UUID
    sha256: str
    shares: int


class Album(Shape):
    id: uuid.UUID
    title: str
    created: AwareDatetime
    pictures: int


class AlbumPlace(Shape):
    album: uuid.UUID
    picture: uuid.UUID


class NewShare(Shape):
    id: uuid.UUID
    url: str
    expires: AwareDatetime


class Share(Shape):
    """A link that is open; `held`: it shows nothing until a report on it is decided."""

    id: uuid.UUID
    picture_id: uuid.UUID
    created: AwareDatetime
    expires: AwareDatetime
    password: bool
    held: bool
