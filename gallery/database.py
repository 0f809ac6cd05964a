"""The database: its engine, and the way up and down through the migrations."""

from pathlib import Path

import alembic.command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine

MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str, *, connections: int = 20) -> Engine:
    """An engine on psycopg 3; `url` is `postgresql://...`, as every tool writes it."""
    driver = url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
    return create_engine(driver, pool_size=connections, max_overflow=10, pool_pre_ping=True)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the database up to a migration, all in one transaction."""
    with engine.begin() as connection:
        alembic.command.upgrade(_config(connection), to)


def downgrade(engine: Engine, to: str) -> None:
    """Bring the database down to a migration; `base` leaves nothing of the gallery."""
    with engine.begin() as connection:
        alembic.command.downgrade(_config(connection), to)


def revise(engine: Engine, message: str, number: str) -> None:
    """Write a new migration from what the tables say and the database lacks; a person reads it before it is committed."""
    with engine.begin() as connection:
        alembic.command.revision(_config(connection), message, autogenerate=True, rev_id=number)
