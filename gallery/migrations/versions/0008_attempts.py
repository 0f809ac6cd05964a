# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
"""The number that a page gives a wish: the same one again is the same wish."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("generations", sa.Column("attempt", sa.Uuid(), nullable=True))
    op.create_unique_constraint(op.f("uq_generations_user_id_attempt"), "generations", ["user_id", "attempt"])


def downgrade() -> None:
    op.drop_constraint(op.f("uq_generations_user_id_attempt"), "generations")
    op.drop_column("generations", "attempt")
