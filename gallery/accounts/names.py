"""Names as others see them: people choose their own, and those that look alike are told apart by a number."""

import re
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.tables import User
from likeness.safety.spelling import fold, without_accents
from likeness.safety.word_list import word_list

NUMBERED = re.compile(r"\d\W+$")
"""The end of a name that reads as if this program had put a number there."""


def shown_names(db: Session) -> dict[uuid.UUID, str]:
    """Everybody's name; where several look alike, or one ends like a number given here, each with its number in the order
    in which they came."""
    users = db.execute(select(User.id, User.name).order_by(User.created, User.id)).all()
    alike: dict[str, list[uuid.UUID]] = {}
    for one, name in users:
        alike.setdefault(_look(name), []).append(one)
    shown: dict[uuid.UUID, str] = {}
    for one, name in users:
        same = alike[_look(name)]
        alone = len(same) == 1 and not NUMBERED.search(fold(name))
        shown[one] = name if alone else f"{name} ({same.index(one) + 1})"
    return shown


def _look(name: str) -> str:
    """What two names have in common that a reader takes for one: no case, accents, spaces or dots, Latin for what looks like it."""
    bare = without_accents(fold(name)).translate(word_list().look_alikes)
    return "".join(letter for letter in bare if letter.isalnum())
