"""The queue: the tables of the procrastinate that pyproject.toml pins."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0003"
down_revision = "0002"

GONE = """
DO $$ DECLARE one record; BEGIN
FOR one IN SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'procrastinate\\_%' LOOP
  EXECUTE format('DROP TABLE %I CASCADE', one.name);
END LOOP;
FOR one IN SELECT oid::regprocedure AS name FROM pg_proc WHERE proname LIKE 'procrastinate\\_%' LOOP
  EXECUTE format('DROP FUNCTION %s CASCADE', one.name);
END LOOP;
FOR one IN SELECT typname AS name FROM pg_type WHERE typname LIKE 'procrastinate\\_%' AND typtype IN ('e', 'c') LOOP
  EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', one.name);
END LOOP; END $$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(GONE.replace("%", "%%"))
