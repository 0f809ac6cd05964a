"""Since when no consent record of a person is in force, though nobody revoked it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("people", sa.Column("lapsed", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("people", "lapsed")
