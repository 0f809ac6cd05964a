"""What a request or a job needs, opened once for a program and handed down."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gallery.accounts.mail import Mailer
from gallery.accounts.passwords import Passwords
from gallery.clock import Clock, DatabaseClock
from gallery.people.consent import Records
from gallery.settings import Settings
from likeness.store.s3 import Remote


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """One gallery: its settings, database, store of pictures, clock, mail, passwords and consent records."""

    settings: Settings
    engine: Engine
    store: Remote
    key: bytes
    mailer: Mailer
    passwords: Passwords
    records: Records
    clock: Clock = field(default_factory=DatabaseClock)

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """All of it or nothing; what was read stays readable after the end."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            self.clock.learn(session)
            yield session
