"""What all tables share: ids nobody can guess, times in UTC."""

import datetime
import uuid
from typing import Annotated, Any

from sqlalchemy import DateTime, MetaData, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}  # fmt: skip

Id = Annotated[uuid.UUID, mapped_column(Uuid(), primary_key=True, default=uuid.uuid4)]
Json = dict[str, Any]


class Base(DeclarativeBase):
    """All tables; constraints have names, so that a migration can take them away."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime.datetime: DateTime(timezone=True), uuid.UUID: Uuid(), Json: JSONB}  # noqa: RUF012
