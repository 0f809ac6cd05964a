"""A gallery opened from its settings: the database brought up to date, the store, the mail."""

import time

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from gallery.accounts.mail import open_mailer
from gallery.accounts.passwords import Passwords
from gallery.context import Gallery
from gallery.database import open_engine, upgrade
from gallery.people.consent import Repository
from gallery.settings import Settings
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.paths import PARAMS
from likeness.store import team_store
from likeness.store.s3 import Remote

DATABASE_SECONDS, AGAIN_SECONDS = 60.0, 0.5


def open_gallery(settings: Settings) -> Gallery:
    """The gallery of these settings; an embedded database is started where no other is named."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
    else:
        from gallery.embedded import EmbeddedServer  # here: who has a database needs no server in a wheel

        url = EmbeddedServer(settings.folder / "postgres").url()
    engine = open_engine(url)
    _wait_for(engine)
    upgrade(engine)
    folder = (settings.folder / "pictures").absolute()
    gallery = Gallery(
        settings=settings,
        engine=engine,
        store=open_store(settings.store_url or f"file://{folder}"),
        key=settings.key(),
        mailer=open_mailer(settings),
        passwords=Passwords(memory_kib=settings.argon2_memory_kib, passes=settings.argon2_passes),
        records=Repository(
            root=settings.repository.absolute(), team=team_store(load_config(settings.repository / PARAMS))
        ),
    )
    with gallery.transaction():  # its clock is the database's from now on
        pass
    return gallery


def open_store(url: str) -> Remote:
    """The place of pictures. It is given up soon when it is silent: a picture is stored under locks, and people wait for others."""
    return Remote(url, quick=True)


def _wait_for(engine: Engine) -> None:
    """Wait for a database that is just starting; one that does not come is a fault as it says.

    Raises:
        ConfigError: it does not answer.
    """
    until = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            engine.connect().close()
            return
        except OperationalError as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"the database does not answer: {type(error.orig).__name__}",
                    reason="no-database",
                    remedy="start it, or correct GALLERY_DATABASE_URL",
                ) from None
        time.sleep(AGAIN_SECONDS)
