"""A real PostgreSQL for the session, a migrated template in it, and a copy of that for each test."""

import datetime
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from gallery_target import Target
from gallery_world import World
from pydantic import SecretStr
from sqlalchemy import Engine, text

from fakes.server import FakeServers
from fakes.stripe import KEY, WEBHOOK_SECRET
from gallery.database import open_engine, upgrade

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# A copy of a database has the numbers of the objects of its template.
SCHEMA = """SELECT
    (SELECT sum(oid::int8 * (relnatts + 1)) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_attribute WHERE attisdropped),
    (SELECT sum(oid::int8 * ascii(tgenabled::text)) FROM pg_trigger),
    (SELECT sum(oid::int8) FROM pg_constraint),
    (SELECT sum(oid::int8) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON oid = setdatabase WHERE datname = current_database()),
    (SELECT version_num FROM alembic_version)"""
NUMBERS = """SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL"""
QUICK = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 60")


@pytest.fixture(scope="session")
def server() -> Iterator[Callable[[str], str]]:
    """Gives the URL of a database of the running server."""
    from gallery.embedded import EmbeddedServer

    folder = Path(tempfile.mkdtemp(prefix="gallery-postgres-"))
    running = EmbeddedServer(folder)
    yield running.url
    running.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def administration(server: Callable[[str], str]) -> Iterator[Engine]:
    engine = open_engine(server("postgres"), connections=1).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in QUICK[:3]:
            connection.execute(text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE template_gallery"))
    filled = open_engine(server("template_gallery"), connections=1)
    upgrade(filled)
    filled.dispose()
    yield engine
    engine.dispose()


class Databases:
    """Copies of the template, or empty ones. A copy that a test is done with is cleared for the next one: to make one and to drop it
    takes ten times as long. What is no longer like the template is dropped."""

    def __init__(self, url: Callable[[str], str], administration: Engine) -> None:
        self._url, self._administration = url, administration
        self._cleared: list[str] = []
        with psycopg.connect(url("template_gallery"), autocommit=True) as connection:
            self._schema = connection.execute(SCHEMA).fetchone()
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
            ).fetchall()
        # Without the triggers by which what is kept cannot be deleted, and what is deleted takes others with it.
        rows = "; ".join(f"DELETE FROM {name}" for (name,) in tables)
        self._clear = f"SET session_replication_role = replica; {rows}; {NUMBERS}"

    @contextmanager
    def lend(self) -> Iterator[Callable[..., str]]:
        """Makes databases until the end of the block."""
        copies, others = list[str](), list[str]()

        def make(*, empty: bool = False) -> str:
            if self._cleared and not empty:
                copies.append(name := self._cleared.pop())
                return self._url(name)
            (others if empty else copies).append(name := f"t{uuid.uuid4().hex}")
            self._administer(
                f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else 'template_gallery'}"
            )
            return self._url(name)

        yield make
        for name in copies:
            (self._cleared if self._is_clear(name) else others).append(name)
        for name in others:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        with self._administration.connect() as connection:
            connection.execute(text(statement))

    def _is_clear(self, name: str) -> bool:
        """Clear a copy; whether it is as the template again."""
        try:
            with psycopg.connect(self._url(name), autocommit=True) as connection:
                connection.execute(OTHERS)
                if connection.execute(SCHEMA).fetchone() != self._schema:
                    return False
                connection.execute(self._clear)
        except psycopg.Error:
            return False
        return True


@pytest.fixture(scope="session")
def databases(server: Callable[[str], str], administration: Engine) -> Databases:
    return Databases(server, administration)


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[..., str]]:
    """Makes databases for one test."""
    with databases.lend() as make:
        yield make


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[Callable[..., str]]:
    """Makes databases for all tests of a file."""
    with databases.lend() as make:
        yield make


@pytest.fixture
def world(new_database: Callable[..., str], tmp_path: Path) -> Iterator[World]:
    """A gallery with nobody in it."""
    made = World.at(new_database(), tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def stripe() -> Iterator[FakeServers]:
    with FakeServers() as services:
        yield services


@pytest.fixture
def selling(world: World, stripe: FakeServers) -> World:
    """A gallery in which a picture costs 50 cents, and the fake Stripe takes payments. Its clock stands at now: Stripe's signatures
    hold five minutes."""
    world.set(
        money=True,
        price_cents=50,
        stripe_url=stripe.stripe_url,
        stripe_secret=SecretStr(KEY),
        stripe_webhook_secret=SecretStr(WEBHOOK_SECRET),
    )
    world.now = datetime.datetime.now(datetime.UTC)
    return world


@pytest.fixture(scope="module")
def target(module_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    world = World.at(module_database(), tmp_path_factory.mktemp("attacked"))
    yield Target(world)
    world.close()


@pytest.fixture
def nothing_changes(target: Target) -> Iterator[None]:
    before = target.state()
    yield
    assert target.state() == before
    target.world.pass_time(hours=2)  # no counter of tries reaches over to the next attack
