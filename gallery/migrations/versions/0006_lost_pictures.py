"""Pictures whose file is not there leave as `lost`."""

from alembic import op

revision = "0006"
down_revision = "0005"
BEFORE = "why IN ('deleted', 'revoked', 'taken-down')"
AFTER = "why IN ('deleted', 'revoked', 'taken-down', 'lost')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_pictures_why"), "pictures")
    op.create_check_constraint(op.f("ck_pictures_why"), "pictures", AFTER)


def downgrade() -> None:
    op.execute("UPDATE pictures SET why = 'deleted' WHERE why = 'lost'")
    op.drop_constraint(op.f("ck_pictures_why"), "pictures")
    op.create_check_constraint(op.f("ck_pictures_why"), "pictures", BEFORE)
