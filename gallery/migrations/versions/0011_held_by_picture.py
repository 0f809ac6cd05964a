# pyright: reportUnknownMemberType=false
"""Whether a link is held follows from the open reports on its picture, and stands nowhere else."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
HELD = """
UPDATE shares SET held = EXISTS (
  SELECT 1 FROM takedowns t WHERE t.picture_id = shares.picture_id AND t.decided IS NULL AND t.reason IN ('portrayed', 'minor'))
"""


def upgrade() -> None:
    op.drop_column("shares", "held")


def downgrade() -> None:
    op.add_column("shares", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(HELD)
    op.alter_column("shares", "held", server_default=None)
