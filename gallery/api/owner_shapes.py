"""What routes answer to owners, and what is about money."""

import uuid
from typing import Literal

from pydantic import AwareDatetime, ConfigDict

from gallery.api.public_shapes import TakedownReceipt
from gallery.api.shapes import Kind, Page, Shape, Status, User


class ChangedUser(User):
    disabled: bool


class AdminUser(ChangedUser):
    created: AwareDatetime
    pictures: int


class Invitation(Shape):
    url: str
    expires: AwareDatetime


class GivenRight(Shape):
    id: uuid.UUID
    user_id: uuid.UUID
    version_id: uuid.UUID
    per_day: int
    until: AwareDatetime | None
    kinds: list[Kind]


class AdminRight(GivenRight):
    user: str
    person: str
    version: str
    used_today: int


class TakenAway(Shape):
    taken_away: uuid.UUID


class AdminTakedown(TakedownReceipt):
    """`file_url`: the reported picture while it is there."""

    picture_id: uuid.UUID
    name: str
    email: str
    statement: str
    by: str | None
    file_url: str | None


class AdminVersion(Shape):
    id: uuid.UUID
    name: str


class AdminPerson(Shape):
    """`versions`: all there are, the newest first, whoever may draw with them."""

    id: uuid.UUID
    versions: list[AdminVersion]
    name: str
    consent_id: str
    ended: AwareDatetime | None
    kinds: list[Kind] | None
    per_day: int | None


class QueueLine(Shape):
    id: uuid.UUID
    user: str
    person: str
    status: Status
    place: int | None
    done: int
    count: int
    created: AwareDatetime


class Queue(Page[QueueLine]):
    seconds_a_picture: float


class WorkerLine(Shape):
    id: int
    seen: AwareDatetime
    status: Literal["working", "silent"]
    drawing: int


class RefusalLine(Shape):
    """Of a refused prompt neither person nor words."""

    id: str
    created: AwareDatetime
    user: str
    person: str | None
    reason: str
    prompt: str | None


class AuditEntry(Shape):
    seq: int
    at: AwareDatetime
    actor: str
    action: str
    subject: str
    hash: str


class AuditLog(Page[AuditEntry]):
    """The newest lines; `whole` says that no line of all was changed or removed."""

    whole: bool


class StorageLine(Shape):
    user: str
    pictures: int
    bytes: int


class Storage(Page[StorageLine]):
    place: str
    bytes: int
    pictures: int
    to_erase: int


class MoneyEntry(Shape):
    id: int
    created: AwareDatetime
    text: str
    amount: float
    balance: float


class Money(Shape):
    """In US dollars. `sells`: credits can be bought here. `free_below`: a picture whose likeness is below costs nothing."""

    enabled: bool
    sells: bool
    balance: float
    price: float
    free_below: float
    entries: list[MoneyEntry]


class Balance(Shape):
    balance: float


class Booked(Shape):
    booked: bool


class CalculatorFigures(Shape):
    """Figures to begin the calculation with, in dollars and shares of 0..1."""

    price: float
    pictures_per_day: float
    fixed_per_month: float
    seconds_per_picture: float
    usd_per_hour: float
    fee_share: float
    fee_fixed: float
    pictures_per_payment: float
    refund_share: float


class DisputeLine(Shape):
    """`inquiry`: a bank asks, and no money moved; `due`: until when Stripe wants an answer, on its own page."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    cents: int
    reason: str
    state: Literal["inquiry", "open", "won", "lost"]
    due: AwareDatetime | None


class PaymentLine(Shape):
    id: str
    email: str
    cents: int
    refunded: int
    at: AwareDatetime
    disputes: list[DisputeLine]


class Repayment(Shape):
    id: uuid.UUID
    payment: str
    cents: int
    status: Literal["asked", "early", "done", "failed"]
