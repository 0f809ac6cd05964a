"""The database: its engine, and the way up and down through the migrations."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import alembic.command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, text

from likeness.errors import ConfigError

MIGRATIONS = Path(__file__).parent / "migrations"
SILENT_SECONDS = 20
"""A connection that answers nothing for so long is broken, on both of its ends."""
FREE_SECONDS = 10
"""So long a request waits for a free connection before it is told to come again: nobody looks at an empty page for longer."""
OPEN_SECONDS = 45
"""So long a transaction may stay open without a word: who holds its locks was cut off."""


def connecting() -> dict[str, Any]:
    """How each connection is opened: both ends notice when the network between them is gone, and all connections of one engine
    have one name, by which the database can end them (generation/cut_off.py). Texts are UTF-8, also where the database is of no
    encoding: psycopg would give bytes there."""
    probes = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2}
    server = {f"tcp_{name}": value for name, value in probes.items()} | {
        "tcp_user_timeout": SILENT_SECONDS * 1000,
        "idle_in_transaction_session_timeout": OPEN_SECONDS * 1000,
    }
    return {
        "connect_timeout": 10,
        "keepalives": 1,
        **probes,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        "client_encoding": "utf8",
        "application_name": f"gallery-{uuid.uuid4().hex}",
    }


def open_engine(url: str, *, connections: int = 20) -> Engine:
    """An engine on psycopg 3; `url` is `postgresql://...`, as every tool writes it."""
    driver = url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
    return create_engine(  # what a statement was given, hashes of passwords among it, stands in no error and no log
        driver,
        pool_size=connections,
        max_overflow=10,
        pool_timeout=FREE_SECONDS,
        pool_pre_ping=True,
        connect_args=connecting(),
        hide_parameters=True,
    )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the database up to a migration, all in one transaction.

    Raises:
        ConfigError: it keeps no letters but of one alphabet; a later gallery made it.
    """
    with engine.begin() as connection:
        if (encoding := str(connection.scalar(text("SHOW server_encoding")))) != "UTF8":
            raise ConfigError(
                f"the database's encoding is {encoding}, in which names and prompts cannot be kept",
                reason="database-encoding",
                remedy="make it anew: createdb --encoding=UTF8 --template=template0 NAME",
            )
        refuse_later(MigrationContext.configure(connection).get_current_heads(), "the database")
        alembic.command.upgrade(_config(connection), to)


def refuse_later(heads: Sequence[str], what: str) -> None:
    """Refuse what a gallery with more migrations than this one made.

    Raises:
        ConfigError: it holds one that is not known here.
    """
    known = {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("*.py")}
    if later := sorted(set(heads) - known):
        raise ConfigError(
            f"{what} is of a later gallery: it has the migration {later[-1]}, and this one ends at {max(known)}",
            reason="database-later",
            remedy="install the likeness that made it",
        )


def downgrade(engine: Engine, to: str) -> None:
    """Bring the database down to a migration; `base` leaves nothing of the gallery."""
    with engine.begin() as connection:
        alembic.command.downgrade(_config(connection), to)


def revise(engine: Engine, message: str, number: str) -> None:
    """Write a new migration from what the tables say and the database lacks; a person reads it before it is committed."""
    with engine.begin() as connection:
        alembic.command.revision(_config(connection), message, autogenerate=True, rev_id=number)
