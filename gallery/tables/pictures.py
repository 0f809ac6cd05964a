"""Pictures: one for each wish and number, what they show by PDQ, and where they went when they went."""

import datetime
import uuid

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.orm import Mapped, mapped_column

from gallery.tables.base import Base, Id

HERE = "gone IS NULL"


class Picture(Base):
    """A picture that passed the gates and carries its marks. `gone` and `why`: it was taken out of sight; `erased`: its
    files are gone, too. Person and prompt stand here as well: lists of 10,000 join nothing."""

    __tablename__ = "pictures"
    __table_args__ = (
        UniqueConstraint("generation_id", "index"),
        CheckConstraint("why IN ('deleted', 'revoked', 'taken-down', 'lost')", name="why"),
        CheckConstraint("(gone IS NULL) = (why IS NULL)", name="gone"),
        Index("ix_pictures_list", "user_id", "created", "id", postgresql_where=text(HERE)),
        Index(
            "ix_pictures_favourites",
            "user_id",
            "created",
            "id",
            postgresql_where=text(f"favourite AND {HERE}"),
        ),
        Index("ix_pictures_person", "person_id", "created", "id", postgresql_where=text(HERE)),
        Index("ix_pictures_words", text("to_tsvector('simple', prompt)"), postgresql_using="gin"),
        Index("ix_pictures_to_erase", "gone", postgresql_where=text("gone IS NOT NULL AND erased IS NULL")),
    )
    id: Mapped[Id]
    generation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("generations.id", ondelete="CASCADE"))
    index: Mapped[int]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    prompt: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    likeness: Mapped[float | None]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int]
    pdq: Mapped[str] = mapped_column(BIT(256))
    seconds: Mapped[float]
    favourite: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime.datetime]
    gone: Mapped[datetime.datetime | None]
    why: Mapped[str | None] = mapped_column(String(10))
    erased: Mapped[datetime.datetime | None]

    @property
    def file(self) -> str:
        """Its name in the store: a picture that is drawn again after a crash takes the same place."""
        return picture_file(self.generation_id, self.index)

    @property
    def thumbnail(self) -> str:
        """The small one beside it."""
        return self.file.replace(".png", ".jpg")


def picture_file(generation_id: uuid.UUID, index: int) -> str:
    """Where the picture of this number lies in the store."""
    return f"{generation_id}/{index}.png"


class Blocked(Base):
    """How a picture looked that was taken down: nothing like it is kept again."""

    __tablename__ = "blocked"
    id: Mapped[Id]
    pdq: Mapped[str] = mapped_column(BIT(256))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created: Mapped[datetime.datetime]
