"""Who may draw whom: by version, number a day, last day and kind of prompt; the person portrayed may allow less."""

import datetime
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.errors import RequestError, not_there
from gallery.tables import Generation, Person, Right, User, Version
from likeness.errors import ConsentError


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A right as it holds now: what the person portrayed narrowed is taken off."""

    right: Right
    version: Version
    person: Person
    used_today: int
    per_day: int
    kinds: tuple[str, ...]

    def require(self, count: int, kind: str, now: datetime.datetime) -> None:
        """Let a wish of so many pictures pass, or not.

        Raises:
            RequestError: 403 after its last day or for another kind of prompt; 429 when the day's pictures are used.
        """
        if self.right.has_ended(now):
            raise RequestError(
                403,
                "right-ended",
                f"You could draw {self.person.name} until {self.right.until:%Y-%m-%d}.",
                remedy="Ask an owner of this gallery.",
            )
        if kind not in self.kinds:
            raise RequestError(
                403,
                "prompt-kind",
                f"You may draw these kinds: {', '.join(self.kinds) or 'none'}.",
                remedy="Take a preset of such a kind as it is.",
            )
        if self.used_today + count > self.per_day:
            raise RequestError(
                429,
                "quota",
                f"{max(0, self.per_day - self.used_today)} of {self.per_day} pictures are left today.",
                remedy="Ask for fewer, or tomorrow (UTC).",
            )


def day_begin(now: datetime.datetime) -> datetime.datetime:
    """Midnight in UTC."""
    return now.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def allowed(db: Session, user: User, version_id: uuid.UUID, now: datetime.datetime) -> Allowed:
    """The user's right to draw with this version; its line stays locked, so that two wishes at once count one after the other.

    Raises:
        RequestError: 404 where there is no such right.
    """
    rows = (
        select(Right, Version, Person)
        .select_from(Right)
        .join(Version, Version.id == Right.version_id)
        .join(Person, Person.id == Version.person_id)
        .where(Right.user_id == user.id, Right.version_id == version_id)
        .with_for_update(of=[Right, Person], key_share=True)
    )
    row = db.execute(rows).one_or_none()
    if row is None:
        raise not_there()
    return as_allowed(db, row[0], row[1], row[2], now)


def require_still(db: Session, generation: Generation, now: datetime.datetime) -> None:
    """See that a wish which was let in would be let in now: a right may have ended or been narrowed while it waited, and whoever
    asked may be blocked.

    Raises:
        ConsentError: it would not.
    """
    same = select(Right).where(Right.user_id == generation.user_id, Right.version_id == generation.version_id)
    right = db.scalar(same)
    if (
        right is None
        or db.get_one(User, generation.user_id).blocked
        or right.has_ended(now)
        or generation.prompt_kind not in right.kinds
    ):
        raise ConsentError("the right to draw this has ended", reason="right-ended")


def as_allowed(
    db: Session, right: Right, version: Version, person: Person, now: datetime.datetime
) -> Allowed:
    """A right with what it leaves today."""
    today = day_begin(now)
    used = _charged(db, today, Generation.user_id == right.user_id, Generation.version_id == version.id)
    per_day = right.per_day
    if person.per_day is not None:
        others = charged_of(db, person, now) - used
        per_day = max(0, min(per_day, person.per_day - others))
    kinds = tuple(kind for kind in right.kinds if person.kinds is None or kind in person.kinds)
    return Allowed(right=right, version=version, person=person, used_today=used, per_day=per_day, kinds=kinds)


def charged_of(db: Session, person: Person, now: datetime.datetime) -> int:
    """How many pictures of a person are drawn or under way of all that was asked for today."""
    of_person = select(Version.id).where(Version.person_id == person.id)
    return _charged(db, day_begin(now), Generation.version_id.in_(of_person))


def _charged(db: Session, since: datetime.datetime, *which: object) -> int:
    total = select(func.coalesce(func.sum(Generation.charged), 0)).where(Generation.created >= since, *which)  # pyright: ignore[reportArgumentType]
    return int(db.scalar(total) or 0)
