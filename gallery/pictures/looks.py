"""Pictures that look alike, by PDQ: the database counts the bits that differ."""

from sqlalchemy import ColumnElement, cast, func, select
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import InstrumentedAttribute, Session

from gallery.tables import Blocked, Picture

ALIKE = 31
"""Of 256 bits. Source: Meta's recommendation for PDQ ("The TMK+PDQF ... Algorithm", 2019: distance of at most 31)."""


def bits(pdq_hex: str) -> str:
    """A hash of 64 hex digits as 256 zeros and ones."""
    return f"{int(pdq_hex, 16):0256b}"


def _differs(column: InstrumentedAttribute[str], pdq: str) -> ColumnElement[int]:
    return func.bit_count(column.op("#")(cast(pdq, BIT(256))))


def is_blocked(db: Session, pdq: str) -> bool:
    """Whether a picture that was taken down looked like this."""
    return db.scalar(select(Blocked.id).where(_differs(Blocked.pdq, pdq) <= ALIKE).limit(1)) is not None


def alike(db: Session, pdq: str) -> list[Picture]:
    """Pictures that are here and look like this."""
    here = select(Picture).where(Picture.gone.is_(None), _differs(Picture.pdq, pdq) <= ALIKE)
    return list(db.scalars(here.with_for_update()))
