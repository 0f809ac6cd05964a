"""Backup and restore lose nothing; the commands do what the pages do."""

import datetime
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from gallery_world import PASSWORD, World
from sqlalchemy import make_url, text
from typer.testing import CliRunner

from gallery.backup import _run, backup, restore
from gallery.cli import desk
from gallery.cli.app import app
from gallery.cli.serve import first_owner
from gallery.database import downgrade
from gallery.tables import Version
from likeness.errors import ConfigError, InputError


def rows(world: World) -> dict[str, int]:
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    with world.gallery.engine.connect() as connection:
        names = list(connection.execute(text(tables)).scalars())
        return {one: connection.execute(text(f"SELECT count(*) FROM {one}")).scalar_one() for one in names}


def test_a_backup_brings_everything_back(
    world: World, new_database: Callable[..., str], tmp_path: Path
) -> None:
    ann, version = world.drawing()
    pictures = world.drawn(ann, version, 2)
    ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 1})
    before = {name: world.gallery.store.read(name) for name in world.gallery.store.names("")}
    folder, kept = (
        world.gallery.settings.folder,
        ("versions/x.json", "versions/x.safetensors", "marks/jade.jsonl", "secret"),
    )
    for name in kept:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"what {name} holds")
    out = tmp_path / "gallery.tar"
    assert backup(world.gallery, out) == 4
    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        backup(world.gallery, out)
    other = World.at(new_database(empty=True), tmp_path / "other")
    try:
        assert restore(other.gallery, out) == 4
        assert rows(other) == rows(world)
        assert [(tmp_path / "other" / name).read_text() for name in kept] == [
            f"what {name} holds" for name in kept
        ]
        assert (tmp_path / "other" / "secret").stat().st_mode & 0o077 == 0
        assert {name: other.gallery.store.read(name) for name in other.gallery.store.names("")} == before
        again = other.browser().sign_in("ann@example.org", PASSWORD)
        assert {one["id"] for one in again.get("/pictures").json()["items"]} == {
            one["id"] for one in pictures
        }
        with pytest.raises(InputError, match="has files already"):
            restore(other.gallery, out)
    finally:
        other.close()


def test_a_backup_brings_nobody_back_whose_consent_was_revoked_since(
    world: World, new_database: Callable[..., str], tmp_path: Path
) -> None:
    ann, version = world.drawing()
    world.drawn(ann, version, 2)
    backup(world.gallery, out := tmp_path / "gallery.tar")
    other = World.at(new_database(empty=True), tmp_path / "other")
    other.records.ended.add("jade-1")
    try:
        assert restore(other.gallery, out) == 4
        again = other.browser().sign_in("ann@example.org", PASSWORD)
        assert again.get("/pictures").json()["items"] == []
        assert other.gallery.store.names("") == []
    finally:
        other.close()


def test_a_backup_of_an_earlier_gallery_is_brought_up(
    world: World, new_database: Callable[..., str], tmp_path: Path
) -> None:
    ann, version = world.drawing()
    pictures = world.drawn(ann, version, 2)
    world.gallery.engine.dispose()
    downgrade(world.gallery.engine, "0008")
    backup(world.gallery, out := tmp_path / "gallery.tar")
    other = World.at(new_database(), tmp_path / "other")
    try:
        assert restore(other.gallery, out) == 4
        again = other.browser().sign_in("ann@example.org", PASSWORD)
        assert len(again.get("/pictures").json()["items"]) == len(pictures)
        assert "disputes" in rows(other)
    finally:
        other.close()


def test_a_backup_of_a_later_gallery_is_refused_before_anything_comes(
    world: World, new_database: Callable[..., str], tmp_path: Path
) -> None:
    world.drawn(*world.drawing())
    with world.gallery.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup(world.gallery, out := tmp_path / "gallery.tar")
    other = World.at(new_database(), tmp_path / "other")
    try:
        with pytest.raises(ConfigError, match="later gallery"):
            restore(other.gallery, out)
        assert (other.gallery.store.names(""), rows(other)["users"]) == ([], 0)
    finally:
        other.close()


def test_a_backup_takes_nobodys_place(world: World, new_database: Callable[..., str], tmp_path: Path) -> None:
    world.drawn(*world.drawing())
    backup(world.gallery, out := tmp_path / "gallery.tar")
    other = World.at(new_database(), tmp_path / "other")
    try:
        other.user("bob")
        with pytest.raises(InputError, match="has users already"):
            restore(other.gallery, out)
        assert other.gallery.store.names("") == []
    finally:
        other.close()


def test_the_databases_password_stands_in_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], str]] = []

    def run(command: list[str], env: dict[str, str], **_: Any) -> CompletedProcess[str]:
        seen.append((command, env["PGPASSWORD"]))
        return CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("gallery.backup.subprocess.run", run)
    _run("pg_dump", [], make_url("postgresql+psycopg://ann:hunter%402@127.0.0.1:5/gallery"))
    (command, password) = seen[0]
    assert (command[1:], password) == (["--dbname=postgresql://ann@127.0.0.1:5/gallery"], "hunter@2")


@pytest.mark.parametrize("name", ["pictures/../../outside.png", "folder/../../outside.png"])
def test_an_archive_that_leads_out_of_the_store_is_refused(world: World, tmp_path: Path, name: str) -> None:
    out = tmp_path / "bad.tar"
    with tarfile.open(out, "w") as archive:
        archive.add(__file__, name)
    with pytest.raises(ValueError, match="not the name of a file below"):
        restore(world.gallery, out)
    assert not (tmp_path / "outside.png").exists()


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the command on that gallery."""
    monkeypatch.setattr(desk, "_gallery", lambda: world.gallery)

    def run(*words: str) -> Any:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_the_command_invites_grants_revokes_and_links(world: World, command: Callable[..., Any]) -> None:
    world.person()
    url = command("invite", "ann@example.org", "--role", "guest")
    ann = world.browser()
    body = {
        "email": "ann@example.org",
        "password": PASSWORD,
        "name": "A",
        "invitation": url.strip().rpartition("=")[2],
    }
    assert ann.post("/sign-up", body).json()["user"]["role"] == "guest"
    command(
        "grant", "ann@example.org", "jade", "--per-day", "3", "--until", "2027-01-31", "--kind", "portrait"
    )
    right = ann.get("/people").json()[0]["versions"][0]["right"]
    assert (right["per_day"], right["until"], right["kinds"]) == (3, "2027-01-31T23:59:59Z", ["portrait"])
    command("revoke", "ann@example.org", "jade")
    assert ann.get("/people").json() == []
    command("user", "ann@example.org", "--role", "member")
    assert ann.load()["user"]["role"] == "member"
    command("user", "ann@example.org", "--block")
    assert ann.load()["user"] is None
    command("user", "ann@example.org", "--no-block")
    assert ann.sign_in("ann@example.org").load()["user"]["role"] == "member"
    assert command("link", "jade").strip().rpartition("/")[2] == world.link()
    actions = [json.loads(line)["action"] for line in command("audit").splitlines()]
    changed = ["user-changed"] * 3
    assert actions == ["invited", "user-added", "granted", "right-taken-away", *changed, "link-given"]


def test_the_command_grants_the_version_that_is_named_or_the_newest(
    world: World, command: Callable[..., Any]
) -> None:
    ann, person = world.user("ann"), world.person()
    with world.gallery.transaction() as db:
        first = db.get_one(Version, person)
        later = world.now + datetime.timedelta(days=1)
        db.add(
            Version(person_id=first.person_id, name="v2", weights_sha256="e" * 64, trigger="jade", class_word="woman",
                    created=later))  # fmt: skip
    for named, names in ((("--version", "v1"), ["v1"]), ((), ["v2", "v1"])):
        command("grant", "ann@example.org", "jade", *named)
        assert [one["name"] for one in ann.get("/people").json()[0]["versions"]] == names
    for words in (("grant", "ann@example.org", "jade", "--version", "v3"), ("user", "ann@example.org")):
        assert CliRunner().invoke(app, list(words)).exit_code == 1


def test_a_new_gallery_on_this_machine_gets_an_owner_once(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.person()
    first_owner(world.gallery)
    said = capsys.readouterr().err
    owner = world.browser().sign_in("owner@example.org", said.split()[-1])
    assert owner.load()["user"]["role"] == "owner"
    assert owner.get("/people").json()[0]["versions"][0]["right"]["per_day"] == 200
    first_owner(world.gallery)
    assert capsys.readouterr().err == ""


def test_a_gallery_that_others_reach_gets_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.set(public_url="https://gallery.example.org")
    first_owner(world.gallery)
    assert capsys.readouterr().err == ""
