"""A real PostgreSQL for the session, a migrated template in it, and a copy of that for each test."""

import datetime
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gallery_target import Target
from gallery_world import World
from pydantic import SecretStr
from sqlalchemy import Engine, text

from fakes.server import FakeServers
from fakes.stripe import KEY, WEBHOOK_SECRET
from gallery.database import open_engine, upgrade

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


@contextmanager
def databases(server: Callable[[str], str], administration: Engine) -> Iterator[Callable[..., str]]:
    """Makes databases: copies of the template, or empty ones; in the end they are dropped."""
    made: list[str] = []

    def make(*, empty: bool = False) -> str:
        made.append(name := f"t{uuid.uuid4().hex}")
        template = "template0" if empty else "template_gallery"
        with administration.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return server(name)

    yield make
    with administration.connect() as connection:
        for name in made:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def new_database(server: Callable[[str], str], administration: Engine) -> Iterator[Callable[..., str]]:
    """Makes databases for one test."""
    with databases(server, administration) as make:
        yield make


@pytest.fixture(scope="module")
def module_database(server: Callable[[str], str], administration: Engine) -> Iterator[Callable[..., str]]:
    """Makes databases for all tests of a file."""
    with databases(server, administration) as make:
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
