"""The migrations, and the log that only grows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gallery_world import World
from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from gallery.audit import export, first_broken, note
from gallery.database import downgrade, open_engine, upgrade
from gallery.opening import open_gallery
from gallery.settings import Settings
from gallery.tables import Base
from likeness.errors import ConfigError


def test_the_migrations_make_what_the_tables_say(world: World) -> None:
    with world.gallery.engine.connect() as connection:
        options = {"include_name": lambda name, kind, parents: not str(name).startswith("procrastinate_")}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []


def test_the_migrations_go_down_and_up_again_on_a_filled_database(world: World) -> None:
    world.user("ann")
    world.gallery.engine.dispose()
    downgrade(world.gallery.engine, "base")
    assert inspect(world.gallery.engine).get_table_names() == ["alembic_version"]
    upgrade(world.gallery.engine)
    world.user("bob")


def test_the_audit_log_is_only_added_to(world: World) -> None:
    with world.gallery.transaction() as db:
        note(db, world.now, "ann", "one", what=1)
        note(db, world.now, "ann", "two", what="é")
    for change in ("UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(DBAPIError, match="only ever added"), world.gallery.engine.begin() as connection:
            connection.execute(text(change))


def test_a_changed_line_of_the_audit_log_is_found(world: World) -> None:
    with world.gallery.transaction() as db:
        for word in ("one", "two", "three"):
            note(db, world.now, "ann", word)
        assert len(list(export(db))) == 3
        assert first_broken(db) is None
        db.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_only_added"))
        db.execute(text("UPDATE audit SET actor = 'bob' WHERE action = 'two'"))
        db.expire_all()
        assert first_broken(db) == 2


def test_an_empty_database_is_brought_up(new_database: Callable[..., str]) -> None:
    engine = open_engine(new_database(empty=True), connections=1)
    upgrade(engine)
    upgrade(engine)
    assert "users" in inspect(engine).get_table_names()
    engine.dispose()


def test_a_database_that_does_not_come_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.opening.DATABASE_SECONDS", 0.0)
    secret = SecretStr("postgresql://ann:hunter2@127.0.0.1:9/gallery")
    with pytest.raises(ConfigError, match="does not answer") as refused:
        open_gallery(Settings(folder=tmp_path, database_url=secret))
    assert "hunter2" not in str(refused.value)
