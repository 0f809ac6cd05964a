"""The migrations, and the log that only grows."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gallery_stripe import answer_of, pay, told
from gallery_world import World
from pydantic import SecretStr
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from fakes.server import FakeServers
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


def lines(engine: Engine) -> dict[str, int]:
    """How many lines each table of the gallery has."""
    with engine.connect() as connection:
        names = [
            one
            for one in inspect(engine).get_table_names()
            if not one.startswith(("procrastinate_", "alembic"))
        ]
        return {
            one: connection.execute(text(f"SELECT count(*) FROM {one}")).scalar_one() for one in sorted(names)
        }


def test_the_migrations_go_down_and_up_again_on_a_filled_database(
    selling: World, stripe: FakeServers
) -> None:
    world = selling
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    payment = pay(world, ann)
    picture, other = world.drawn(ann, version, 2)
    url = ann.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 2}).json()["url"]
    report = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": "Why?"}
    world.browser().post(f"/shared/{url.rpartition('/')[2]}/takedown", report)
    album = ann.post("/albums", {"title": "Summer"}).json()["id"]
    ann.send("PUT", f"/albums/{album}/pictures/{picture['id']}")
    owner.post("/admin/refunds", {"payment": payment, "cents": 100, "attempt": str(uuid.uuid4())})
    told(world, answer_of(f"{stripe.stripe_url}/disputed/{payment}"))
    ann.send("DELETE", f"/pictures/{other['id']}")
    full, engine = lines(world.gallery.engine), world.gallery.engine
    assert [name for name, count in full.items() if not count] == [
        "blocked",
        "passkeys",
        "refused",
        "revocations",
        "tokens",
    ]
    engine.dispose()
    for number in reversed(range(1, 12)):
        downgrade(engine, f"{number:04}")
        here = lines(engine)
        assert here == {name: full[name] for name in here}
        upgrade(engine)  # the newest tables are empty, the older ones as they were
        assert {name: count for name, count in lines(engine).items() if name in here} == here
        assert lines(engine).keys() == full.keys()
        downgrade(engine, f"{number:04}")
    downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    upgrade(engine)
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


def test_a_database_without_all_letters_is_refused_with_a_remedy(
    administration: Engine, server: Callable[[str], str]
) -> None:
    with administration.connect() as connection:
        connection.execute(
            text("CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
    engine = open_engine(server("ascii"), connections=1)
    with pytest.raises(ConfigError, match="SQL_ASCII") as refused:
        upgrade(engine)
    assert "--encoding=UTF8" in refused.value.remedy
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_database_of_a_later_gallery_is_left_alone(world: World) -> None:
    with world.gallery.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="later gallery: it has the migration 9999"):
        upgrade(world.gallery.engine)
