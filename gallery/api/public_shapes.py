"""What routes answer to visitors without an account: who opens a link, who reports a picture, the person portrayed."""

import uuid
from typing import Literal

from pydantic import AwareDatetime

from gallery.api.shapes import Kind, Page, Shape
from gallery.takedown.reports import Reason


class SharedFile(Shape):
    width: int
    height: int
    created: AwareDatetime
    url: str
    sha256: str


class SharedPicture(Shape):
    picture: SharedFile
    person: str
    marks: list[str]


class TakedownReceipt(Shape):
    """`copies`: pictures that were withdrawn, the reported one and those like it."""

    receipt: uuid.UUID
    status: Literal["open", "removed", "kept"]
    reason: Reason
    created: AwareDatetime
    due: AwareDatetime
    decided: AwareDatetime | None
    decision: Literal["remove", "keep"] | None
    copies: int


class PortrayedPicture(Shape):
    id: uuid.UUID
    by: str
    prompt: str
    created: AwareDatetime
    width: int
    height: int
    thumb_url: str
    url: str


class PortrayedPerson(Shape):
    id: uuid.UUID
    name: str


class PortrayedUser(Shape):
    """Who may draw the person, or drew pictures that are here."""

    name: str
    pictures: int
    last: AwareDatetime | None
    per_day: int | None


class Withdrawal(Shape):
    """What a revocation ended, in counts; the last two are known when the files are erased."""

    person: str
    consent: str
    withdrawn: int
    shares: int
    cancelled: int
    storage: int | None = None
    listed: bool | None = None


class WithdrawalReceipt(Withdrawal):
    id: uuid.UUID
    at: AwareDatetime


class Portrayed(Shape):
    """`scope` is what the consent record covers, in one sentence; `gone` counts pictures that are no longer there."""

    person: PortrayedPerson
    scope: str
    kinds: list[Kind]
    all_kinds: list[Kind]
    per_day: int | None
    revoked: Withdrawal | None
    pictures: Page[PortrayedPicture]
    gone: int
    users: list[PortrayedUser]


class Narrow(Shape):
    kinds: list[Kind]
    per_day: int | None
